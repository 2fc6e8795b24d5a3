/** One run of the fuzzer. What it does, and why so, is told in `../fuzz.ts`. */

import { type Gate, startGate } from '../fleet/gate.ts';
import { Heap } from '../fleet/heap.ts';
import { ASKABLE } from '../fleet/inspector.ts';
import { newStream } from '../fleet/messages.ts';
import { until } from '../fleet/processes.ts';
import { Random } from '../fleet/random.ts';
import { type BadMessage, badMessages } from './bad-messages.ts';
import { encodeCheck, encodeLog, FuzzedEnvoy, isUnanswered, leaseIn } from './envoy.ts';
import { checkOf, entryOf, messageOf } from './messages.ts';

/** How long a good Check may take beside a bad message: long, because the machine may be busy with other tests. */
const STALL_MS = 5000;
/** How much more of its heap a gate may use when all has settled than when the run began. */
const GROWTH_BYTES = 16 * 2 ** 20;

const HELD = 20;
/** Good connections are told of this often. */
const KEEP_MS = 500;
/** What the bad Envoy made up has no silence that would say anything: it goes as what nobody speaks of any more. */
const LEASE = { ttl: '3s', reserve: '1s', grace: '6s', unrenewedMax: '8s', recovery: '0s' };
/** This process may stall, too: the most that this ttl bears. */
const PATIENT = { WSGATE_LISTEN_KEEPALIVE: '500ms', WSGATE_LISTEN_KEEPALIVE_TIMEOUT: '2400ms' };
/** `unrenewedMax`, and a pass or two. */
const SETTLE_MS = 20_000;

export interface Outcome {
  /** What was wrong: nothing, if all is well. */
  readonly problems: readonly string[];
  readonly sent: number;
  /** The slowest good Check, and beside what. */
  readonly slowestMs: number;
  readonly slowestBeside: string;
  readonly heapBeforeBytes: number;
  readonly heapAfterBytes: number;
}

export interface AttackOptions {
  readonly seed: number;
  /** Asked before each message. */
  readonly isEnough: (sent: number, slowestMs: number) => boolean;
}

export async function attack({ seed, isEnough }: AttackOptions): Promise<Outcome> {
  const limits = { default: { connections: 1_000_000 } };
  const gate = await startGate({ config: { lease: LEASE, limits }, env: { ...ASKABLE, ...PATIENT } });
  const heap = await Heap.of(gate);
  const run = new Run(gate);
  try {
    await run.hold();
    await run.goodUpgrade();
    const heapBeforeBytes = await heap.used();
    for (const bad of badMessages(new Random(seed))) {
      if (run.problems.length > 0 || isEnough(run.sent, run.slowest.ms)) break;
      await run.send(bad);
    }
    await run.settle();
    const heapAfterBytes = await heap.used();
    return run.outcome(heapBeforeBytes, heapAfterBytes);
  } finally {
    heap.close();
    await run.stop();
  }
}

class Run {
  readonly problems: string[] = [];
  sent = 0;
  slowest = { ms: 0, beside: '' };
  readonly #gate: Gate;
  readonly #good: FuzzedEnvoy;
  readonly #bad: FuzzedEnvoy;
  #keeping: NodeJS.Timeout | undefined;

  constructor(gate: Gate) {
    this.#gate = gate;
    this.#good = new FuzzedEnvoy(gate.grpc, 'proxy_good');
    this.#bad = new FuzzedEnvoy(gate.grpc, 'proxy_fuzz');
    void gate.ended.then((how) => this.problems.push(`the gate ended: ${how}`));
  }

  /** Opens the connections that the gate has to count at the end, and goes on telling of them. */
  async hold(): Promise<void> {
    const entries: Buffer[] = [];
    for (let i = 0; i < HELD; i += 1) {
      const stream = newStream();
      const lease = leaseIn(await this.#good.check(encodeCheck(checkOf(stream, 'held'))));
      entries.push(encodeLog(messageOf(entryOf(stream, 'held', 'DownstreamPeriodic', lease))));
    }
    this.#keeping = setInterval(() => {
      for (const bytes of entries) void this.#good.log(bytes);
    }, KEEP_MS);
  }

  async send(bad: BadMessage): Promise<void> {
    const [tookMs] = await Promise.all([this.goodUpgrade(), this.#sendBad(bad)]);
    this.sent += 1;
    if (tookMs > this.slowest.ms) this.slowest = { ms: tookMs, beside: `${bad.service}: ${bad.how}` };
    if (tookMs > STALL_MS) this.problems.push(`a good Check took ${tookMs.toFixed(0)} ms beside ${shown(bad)}`);
  }

  /** A WebSocket that opens and closes. Resolves with the time that its Check took. */
  async goodUpgrade(): Promise<number> {
    const stream = newStream();
    const sentAt = performance.now();
    const answer = await this.#good.check(encodeCheck(checkOf(stream, 'watched')));
    const tookMs = performance.now() - sentAt;
    const lease = leaseIn(answer);
    if (lease === undefined) this.problems.push(`a good Check was answered with ${JSON.stringify(answer)}`);
    else await this.#good.log(encodeLog(messageOf(entryOf(stream, 'watched', 'DownstreamEnd', lease))));
    return tookMs;
  }

  async #sendBad(bad: BadMessage): Promise<void> {
    if (bad.service === 'log') return this.#bad.log(bad.bytes);
    if (isUnanswered(await this.#bad.check(bad.bytes))) this.problems.push(`no answer to ${shown(bad)}`);
  }

  /** The bad Envoy lives and says nothing more: what it made up has to go. */
  async settle(): Promise<void> {
    const truth = JSON.stringify({ held: HELD });
    let counts = '';
    const isSo = async () => {
      await this.#bad.log(Buffer.alloc(0));
      counts = await this.#counts();
      return counts === truth || this.problems.length > 0;
    };
    await until('the count is the truth', isSo, SETTLE_MS).catch(() =>
      this.problems.push(`the count does not come back to ${truth}: ${counts.slice(0, 500)}`),
    );
  }

  /** The pods that hold something. */
  async #counts(): Promise<string> {
    const answer = await fetch(`http://127.0.0.1:${this.#gate.httpPort}/v1/pods`);
    const { pods } = (await answer.json()) as { pods: { pod: string; connections: number }[] };
    const held = pods.filter(({ connections }) => connections > 0);
    return JSON.stringify(Object.fromEntries(held.map(({ pod, connections }) => [pod, connections])));
  }

  outcome(heapBeforeBytes: number, heapAfterBytes: number): Outcome {
    const bugs = this.#gate.logs().filter(({ msg }) => String(msg).startsWith('a bug'));
    const problems = [...this.problems, ...bugs.map((line) => `the gate logged ${JSON.stringify(line)}`)];
    const grownBytes = heapAfterBytes - heapBeforeBytes;
    if (grownBytes > GROWTH_BYTES) problems.push(`the gate's heap has grown by ${grownBytes} bytes`);
    if (this.#bad.streamsEnded > 0) problems.push(`the gate ended a log stream ${this.#bad.streamsEnded} times`);
    const { ms: slowestMs, beside: slowestBeside } = this.slowest;
    return { problems, sent: this.sent, slowestMs, slowestBeside, heapBeforeBytes, heapAfterBytes };
  }

  async stop(): Promise<void> {
    clearInterval(this.#keeping);
    this.#good.close();
    this.#bad.close();
    await this.#gate.stop();
  }
}

function shown({ service, how, bytes }: BadMessage): string {
  return `a ${service} message (${how}; ${bytes.length} bytes: ${bytes.subarray(0, 200).toString('hex')}…)`;
}
