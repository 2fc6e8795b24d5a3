/** The table that the bench is for. */

import type { Policy } from './fleet-options.ts';
import type { Result } from './run.ts';
import { SIZE, WRITTEN_SCALE } from './scale.ts';
import { seconds } from './verdict.ts';

const HEAD = [
  'fault',
  'what was done',
  'over the limit, most (bound)',
  'count off, longest (most)',
  'error when settled',
  'time to settle (bound)',
  'slot kept after its close, longest (bound)',
  'live connection uncounted, longest (bound)',
  'answer to an upgrade during the fault: median, slowest',
  'the store asked again after the fault (bound)',
  'live connections cut',
  'slots leaked',
  'verdict',
];

export function tableOf(results: readonly Result[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...results.map(rowOf)];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function rowOf(result: Result): string[] {
  const { fault, broken } = result;
  return [
    fault.name,
    fault.what,
    `${result.over} (${Number.isFinite(result.overBound) ? result.overBound : 'none'})`,
    result.offMax === 0 ? '0' : `${seconds(result.offMs)} (${result.offMax})`,
    String(result.error),
    `${seconds(result.settledMs)} (${seconds(result.settleBoundMs)})`,
    `${seconds(result.keptMs)} (${seconds(result.keptBoundMs)})`,
    `${seconds(result.uncountedMs)} (${seconds(result.uncountedBoundMs)})`,
    answers(result.answersMs),
    `${seconds(result.backMs)} (${seconds(result.backBoundMs)})`,
    String(result.cut),
    String(result.leaked),
    broken.length === 0 ? 'holds' : `**broken**: ${broken.join('; ')}`,
  ];
}

function answers(ms: readonly number[]): string {
  if (ms.length === 0) return '';
  const sorted = ms.toSorted((a, b) => a - b);
  const [median = 0, slowest = 0] = [sorted[Math.floor(sorted.length / 2)], sorted.at(-1)];
  return `${median.toFixed(0)} ms, ${slowest.toFixed(0)} ms`;
}

export interface Run {
  readonly command: string;
  readonly seed: number;
  readonly policy: Policy;
  readonly digest: string;
}

export function documentOf(results: readonly Result[], { command, seed, policy, digest }: Run): string {
  return `# What holds when something breaks

Written by \`${command}\`; seed ${seed}, digest of what was done ${digest}, \`outage.policy\` ${policy}.

${SIZE.gates} gates on one Redis, ${SIZE.proxies} Envoys, ${SIZE.pods} pods with a limit of ${SIZE.limit} each: real processes and real
WebSockets. Clients open and close all the time, two opens for each close, so that the limit is always contested. Scale: ${WRITTEN_SCALE}.
What no configuration scales is as it always is: heartbeats, Envoy's keepalive and health checks, deadlines.

The bench compares each connection with each lease every 50 ms, so that two mistakes never make a right. The truth is the
sockets that its clients hold; Envoy's own gauges have to agree with it in the end. A close is on its way for a second.
While Redis does not answer there is no count to be off.

- over the limit: open connections of a pod less its limit, right after one more was admitted.
- count off: the longest time without a moment in which every live connection had its lease, and every lease a
  connection; in brackets, how many of both at most.
- answer to an upgrade during the fault: from a client to Envoy, the gate, and back; a refusal is an answer, too.
- time to settle: from the end of the fault to the last moment that the count was off.

Times are those that the machine gave to its programs: less those in which not even an idle thread was let run. A fault
that breaks a bound while the machine stalled for half a second and more is done once more, and the log says so.

${tableOf(results)}
`;
}
