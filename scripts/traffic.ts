/** `npm run traffic`: drives a playground with real WebSockets, and says whether the gate counted them right. */

import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { command } from '../lab/command.ts';
import { type Client, closeAll, type Outcome, openEach } from '../lab/fleet/clients.ts';
import { type Metrics, readMetrics } from '../lab/fleet/metrics.ts';
import { until } from '../lab/fleet/processes.ts';
import { Progress } from '../lab/fleet/progress.ts';
import { agree, allZero, compared, metricsOf, TABLE } from '../lab/fleet/table.ts';
import { parseTrafficOptions, type TrafficOptions, USAGE } from './traffic/options.ts';
import { serviceScenario } from './traffic/service.ts';

/** The gate may answer a scrape with figures that are a second old. */
const METRICS_DEADLINE_MS = 5_000;
/** What the gate says of a pod that is full: no error of the traffic. */
const LIMIT_EXCEEDED = 429;

const progress = new Progress(process.stderr);

async function table(options: TrafficOptions, interrupt: AbortSignal): Promise<boolean> {
  const urls = Object.values(TABLE).flatMap((pods, index) =>
    Object.entries(pods).flatMap(([pod, count]) => Array<string>(count).fill(webSocketUrl(options, index, pod))),
  );
  const outcome = await openAll(urls, interrupt);
  try {
    if (interrupt.aborted) return false;
    const expected = metricsOf(TABLE);
    const right = await metricsShow(options, expected, `Opened ${outcome.opened.length} of ${urls.length}`);
    if (outcome.opened.length !== urls.length) console.log(notOpened(outcome));
    await hold(outcome.opened, options.holdMs, interrupt);
    await closeAll(outcome.opened);
    return (await metricsShow(options, allZero(expected), 'Closed all')) && right && notOpened(outcome) === '';
  } finally {
    await closeAll(outcome.opened);
  }
}

async function onePod(
  options: TrafficOptions,
  { pod, connections }: { pod: string; connections: number },
  interrupt: AbortSignal,
): Promise<boolean> {
  const urls = Array.from({ length: connections }, (_, index) =>
    webSocketUrl(options, index % options.proxies.length, pod),
  );
  const outcome = await openAll(urls, interrupt);
  try {
    console.log(`${pod}: ${outcome.opened.length} of ${connections} opened, ${outcome.refused.length} refused`);
    if (notOpened(outcome)) console.log(notOpened(outcome));
    await hold(outcome.opened, options.holdMs, interrupt);
    return outcome.failed.length === 0 && outcome.refused.every(({ status }) => status === LIMIT_EXCEEDED);
  } finally {
    await closeAll(outcome.opened);
    console.log('Closed all.');
  }
}

async function service(options: TrafficOptions, interrupt: AbortSignal): Promise<boolean> {
  const opened: Client[] = [];
  const open = (count: number) =>
    openAll(
      Array.from({ length: count }, (_, index) => webSocketUrl(options, index % options.proxies.length, 'chat')),
      interrupt,
    );
  try {
    const { metrics, holdMs } = options;
    const right = await serviceScenario({ metrics, open, interrupt, say: console.log }, opened);
    await hold(opened, holdMs, interrupt);
    return right;
  } finally {
    await closeAll(opened);
    console.log('Closed all.');
  }
}

async function openAll(urls: readonly string[], interrupt: AbortSignal): Promise<Outcome> {
  const outcome = await openEach(urls, {
    signal: interrupt,
    onAnswer: ({ opened, refused, failed }) =>
      progress.show(`${opened.length} open, ${refused.length} refused, ${failed.length} failed, of ${urls.length}`),
  });
  progress.clear();
  return outcome;
}

/** Prints what the metrics show beside what they should, once they agree or the deadline has passed. */
async function metricsShow(options: TrafficOptions, expected: Metrics, title: string): Promise<boolean> {
  let shown = await readMetrics(`${options.metrics}/websocket/metrics`);
  const isRight = async () => {
    shown = await readMetrics(`${options.metrics}/websocket/metrics`);
    return agree(shown, expected);
  };
  await until('the metrics are as expected', isRight, METRICS_DEADLINE_MS).catch(() => {}); // the table tells
  console.log(`${title}. The metrics:\n${compared(shown, expected)}\n`);
  return agree(shown, expected);
}

async function hold(clients: readonly Client[], forMs: number, interrupt: AbortSignal): Promise<void> {
  if (clients.length === 0) return;
  const end = performance.now() + forMs;
  for (let leftMs = forMs; leftMs > 0 && !interrupt.aborted; leftMs = end - performance.now()) {
    const open = clients.filter(({ readyState }) => readyState === WebSocket.OPEN).length;
    progress.show(`holding ${open} of ${clients.length}, ${Math.ceil(leftMs / 1000)} s left`);
    await delay(Math.min(leftMs, 1_000), undefined, { signal: interrupt }).catch(() => {}); // the loop sees it
  }
  progress.clear();
}

/** How the others were answered, the most frequent answer first. */
function notOpened({ refused, failed }: Outcome): string {
  const counts = new Map<string, number>();
  const answers = [
    ...refused.map(({ status, body }) => `${status} ${body.trim()}`.trim()),
    ...failed.map((error) => `no answer: ${messageOf(error)}`),
  ];
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const byCount = [...counts].sort(([, a], [, b]) => b - a);
  return byCount.map(([answer, count]) => `  ${count} × ${answer}`).join('\n');
}

function webSocketUrl({ proxies }: TrafficOptions, proxy: number, pod: string): string {
  return `${proxies[proxy]?.replace(/^http/, 'ws')}/${encodeURIComponent(pod)}/traffic`;
}

function drive(options: TrafficOptions, interrupt: AbortSignal): Promise<boolean> {
  const { work } = options;
  if (work.kind === 'pod') return onePod(options, work, interrupt);
  return work.kind === 'table' ? table(options, interrupt) : service(options, interrupt);
}

async function main(args: string[]): Promise<number> {
  const options = parseTrafficOptions(args);
  const interrupt = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupt.abort());
  const right = await drive(options, interrupt.signal);
  if (interrupt.signal.aborted) return 130;
  return right ? 0 : 1;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
  return text.includes('ECONNREFUSED') ? `${text} (is npm start running?)` : text;
}

await command(USAGE, main, (error) => {
  progress.clear();
  return messageOf(error);
});
