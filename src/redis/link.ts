/**
 * The link to Redis, and the circuit breaker on it.
 *
 * The link is up or down. While it is down, each call is answered at once: the store is away. It goes down when a call
 * passes its deadline, when the connection breaks, or when Redis answers that it takes no writes. It comes up when a
 * probe is answered. Redis answers in order, so an answered probe also says that all that was sent before it has been
 * done. The probe is sent when the link goes down, waits without a deadline, and is sent again on each new connection;
 * so Redis is used again as soon as it answers. A connection carries one probe at a time, however many calls are late:
 * a Redis that has just stalled gets no thousand of them. A Redis that answers but is not fit for use is asked on one
 * new connection after the other: after a failover, one of them leads to the new master.
 *
 * Nothing is queued while the link is down, and nothing is sent twice: a command whose connection broke may have been
 * done, and only the caller knows whether it is safe to repeat.
 *
 * Each time that the link goes down, a generation of calls ends. An answer to a call of an earlier generation is not
 * believed, even when the link is up again. It may come from another Redis than the one that is asked now, and the
 * caller who was told that the store is away has decided without it.
 *
 * A Redis Cluster is one store here, up while every master answers: a lease must not expire because the node that it is
 * on took no renewals. Commands for one pod go to one node, so the order of answers means the same there as with one
 * Redis, except while a slot moves. Then ioredis sends a command on (MOVED, ASK: the first node did nothing) or again
 * (TRYAGAIN: no node did anything yet), and a later command may overtake it. Where that matters, the store waits for
 * the answer. After a deadline it cannot: a release may then run before the acquire that it was to undo, and that lease
 * is freed as others are whose end got lost.
 */

import { Cluster } from 'ioredis';
import type { Answer, StoreAway } from '../admission/lease-store.ts';
import type { RedisClient } from './client.ts';
import { askProcesses, type JudgeContent, prepare } from './fitness.ts';
import { isMarked, isSameProcess, markedProcess } from './process-name.ts';
import { hasCode, isReply, isUnfit } from './replies.ts';
import type { Script } from './script.ts';

export interface LinkEvents {
  /** The link went up (`detail` is empty) or down (`detail` says why). */
  changed(up: boolean, detail: string): void;
  called(operation: string, durationMs: number, answer: 'ok' | StoreAway['why']): void;
  /** Something is wrong with the Redis itself, and somebody should mend it. */
  warned(kind: string, detail: string): void;
}

/** After so long, a Redis that is not fit for use is asked again. */
const AGAIN_MS = 250;
/** And after so long the wrong server: somebody has to put another in its place. */
const WRONG_AGAIN_MS = 5000;
/** After so long, the same warning is given again. */
const WARN_AGAIN_MS = 60_000;
const LATE = Symbol('the deadline passed');

export interface LinkOptions {
  /** Those that `run` may be asked for. */
  readonly scripts: readonly Script[];
  /** That of our keys. */
  readonly prefix: string;
  readonly deadlineMs: number;
  /** Asked by each probe. */
  readonly judgeContent?: JudgeContent;
}

export class RedisLink {
  readonly #redis: RedisClient;
  readonly #scripts: readonly Script[];
  readonly #key: string;
  readonly #deadlineMs: number;
  readonly #events: LinkEvents;
  readonly #judgeContent: JudgeContent | undefined;
  /** Undefined until the first attempt has succeeded or failed: `changed` is called for that, too. */
  #up: boolean | undefined;
  #lastError = 'not connected yet';
  #processes: readonly string[] = [];
  /** What was last said of how this Redis differs from others, or of what may go wrong with it. */
  #warning: string | undefined;
  /** When each kind of warning was last given. */
  readonly #warnedAtMs = new Map<string, number>();
  /** Callers of `comesUp`. */
  readonly #waiting = new Set<() => void>();
  /** How often the link went down. Answers to calls from before are not believed. */
  #generation = 0;
  #probe = 0;
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(redis: RedisClient, { scripts, prefix, deadlineMs, judgeContent }: LinkOptions, events: LinkEvents) {
    this.#redis = redis;
    this.#scripts = scripts;
    this.#key = `${prefix}process`;
    this.#deadlineMs = deadlineMs;
    this.#events = events;
    this.#judgeContent = judgeContent;
    redis.on('node error', (error: Error, node: string) => {
      this.#lastError = `${node}: ${error.message}`;
    });
    // A cluster has an error of its own only when every node has had one.
    redis.on('error', ({ message }: Error) =>
      this.#down(
        redis instanceof Cluster ? `no node can be asked for the cluster's others; ${this.#lastError}` : message,
      ),
    );
    redis.on('ready', () => this.#startProbe());
    redis.on('close', () => this.#down(this.#lastError));
    // ioredis gives up for good when a Sentinel names a new master while it connects to the old one.
    redis.on('end', () => this.#connectAgain(AGAIN_MS));
    if (redis.status === 'ready') this.#startProbe();
  }

  get up(): boolean {
    return this.#up === true;
  }

  /** The answer to every call while the link is down; undefined while it is up. */
  get away(): StoreAway | undefined {
    return this.up ? undefined : { ok: false, why: 'disconnected', detail: this.#lastError, maybeDone: false };
  }

  /**
   * If so, one call may be about several pods, and calls about one pod are always done in the order in which they were
   * sent.
   */
  get isOneNode(): boolean {
    return !(this.#redis instanceof Cluster);
  }

  /**
   * The names of the processes that keep the leases; none when they are not known. A cluster is asked each time,
   * because no broken connection tells when one of its masters has been replaced. So is a Redis that does not tell its
   * name: there is likely to be a proxy before it, whose connections outlive a failover.
   */
  async processes(): Promise<readonly string[]> {
    const redis = this.#redis;
    if (redis instanceof Cluster) {
      const answer = await this.call('info', () => askProcesses(redis));
      return answer.ok ? answer.value : [];
    }
    const [known] = this.#processes;
    if (!isMarked(known)) return this.#processes;
    const answer = await this.call('mark', () => markedProcess(redis, this.#key, known));
    if (!answer.ok || answer.value === undefined) return [];
    this.#processes = [answer.value];
    return this.#processes;
  }

  /** Runs a script by its SHA; on NOSCRIPT once more by its text. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Answer<unknown>> {
    return this.call(script.name, async () => {
      try {
        return await this.#redis.evalsha(script.sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!hasCode(error, 'NOSCRIPT')) throw error;
        return this.#redis.eval(script.source, keys.length, ...keys, ...args);
      }
    });
  }

  async call<T>(operation: string, send: (redis: RedisClient) => Promise<T>): Promise<Answer<T>> {
    if (this.away) return this.away;
    this.#gather();
    const generation = this.#generation;
    const sentAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<typeof LATE>((resolve) => {
      // After a stall of this process, timers run before reads: an answer that is already in the socket is in time.
      timer = setTimeout(() => setImmediate(resolve, LATE), this.#deadlineMs);
    });
    let answer: Answer<T>;
    try {
      const value = await Promise.race([send(this.#redis), deadline]);
      if (value === LATE) answer = this.#late(operation, generation);
      else if (generation !== this.#generation) answer = fromBefore(operation);
      else answer = { ok: true, value };
    } catch (error) {
      answer = this.#failed(operation, error, generation);
    } finally {
      clearTimeout(timer);
    }
    this.#events.called(operation, performance.now() - sentAt, answer.ok ? 'ok' : answer.why);
    return answer;
  }

  /** Resolves as soon as the link is up, or when the deadline has passed. */
  comesUp(): Promise<void> {
    if (this.up || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, this.#deadlineMs);
      this.#waiting.add(done);
    });
  }

  /**
   * Whether both links are to the same Redis process, or may be. In a cluster, ioredis finds the right node by itself.
   */
  isWith(other: RedisLink): boolean {
    const [own] = this.#processes;
    const [others] = other.#processes;
    return !this.isOneNode || isSameProcess(own, others);
  }

  /** Goes down, and connects again. */
  leave(detail: string): void {
    this.#down(detail);
    this.#connectAgain(0);
  }

  /** Warns of each kind at most once in `WARN_AGAIN_MS`. */
  warn(kind: string, detail: string): void {
    const nowMs = performance.now();
    if (nowMs - (this.#warnedAtMs.get(kind) ?? -Infinity) < WARN_AGAIN_MS) return;
    this.#warnedAtMs.set(kind, nowMs);
    this.#events.warned(kind, detail);
  }

  /** All that is sent in one turn of the event loop goes out in one write: most of what sending costs is the write. */
  #gather(): void {
    if (this.#redis instanceof Cluster) return; // each node has a stream of its own
    const { stream } = this.#redis;
    if (stream.writableCorked > 0) return;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#probe += 1;
    this.#up = false;
    clearTimeout(this.#again);
    for (const done of this.#waiting) done();
    this.#redis.disconnect();
  }

  #late(operation: string, generation: number): StoreAway {
    const detail = `no answer to ${operation} within ${this.#deadlineMs} ms`;
    // The first late call sends the probe. No call is sent while the link is down, so the probe is behind all others.
    if (generation === this.#generation) {
      this.#down(detail);
      this.#startProbe();
    }
    return { ok: false, why: 'timeout', detail, maybeDone: true };
  }

  #failed(operation: string, error: unknown, generation: number): StoreAway {
    const away = failure(error);
    if (away.why === 'refused') this.warn(`${operation} is refused`, away.detail);
    if (generation !== this.#generation) return away;
    // ioredis tells when the connection to a single Redis breaks, but not when one to a node of a cluster does.
    if (
      (away.why === 'refused' && isUnfit(away.detail)) ||
      (away.why === 'disconnected' && this.#redis instanceof Cluster)
    ) {
      this.leave(away.why === 'disconnected' ? this.#lastError : away.detail);
    }
    return away;
  }

  /** Whether that was news. */
  #down(detail: string): boolean {
    this.#lastError = detail;
    this.#generation += 1;
    this.#probe += 1; // an answer to an earlier probe no longer counts
    if (this.#up === false) return false;
    this.#up = false;
    this.#events.changed(false, detail);
    return true;
  }

  #startProbe(): void {
    if (this.#redis.status !== 'ready') return; // the next `ready` starts one
    clearTimeout(this.#again);
    this.#again = undefined;
    this.#probe += 1;
    const probe = this.#probe;
    prepare(this.#redis, { scripts: this.#scripts, key: this.#key, judgeContent: this.#judgeContent }).then(
      ({ unfit, lasting, warning, processes }) => {
        if (probe !== this.#probe || this.#up) return;
        if (unfit !== undefined) return this.#refuse(unfit, lasting ? WRONG_AGAIN_MS : AGAIN_MS);
        if (warning !== undefined && warning !== this.#warning) this.#events.warned('unsafe', warning);
        this.#warning = warning;
        this.#up = true;
        this.#processes = processes;
        this.#lastError = 'the connection was closed';
        this.#events.changed(true, '');
        for (const done of this.#waiting) done();
      },
      (error: Error) => {
        if (probe !== this.#probe) return;
        if (isReply(error)) return this.#refuse(error.message, AGAIN_MS);
        this.#down(this.#lastError);
        this.#connectAgain(AGAIN_MS);
      },
    );
  }

  #refuse(unfit: string, againMs: number): void {
    if (!this.#down(unfit)) this.warn('unfit', unfit);
    this.#connectAgain(againMs);
  }

  #connectAgain(afterMs: number): void {
    if (this.#closed) return;
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      const { status } = this.#redis;
      if (status === 'ready') this.#redis.disconnect(true);
      if (status === 'end') this.#redis.connect().catch(() => {}); // `error` tells
    }, afterMs);
  }
}

/** The link went down between this call and its answer. */
function fromBefore(operation: string): StoreAway {
  const detail = `the link went down while ${operation} was under way`;
  return { ok: false, why: 'disconnected', detail, maybeDone: true };
}

/** Redis itself answered with an error, or the command did not get there. */
function failure(error: unknown): StoreAway {
  const detail = error instanceof Error ? error.message : String(error);
  // ioredis gives up after too many nodes that each refused.
  const refused = isReply(error) || detail.startsWith('Too many Cluster redirections');
  return { ok: false, why: refused ? 'refused' : 'disconnected', detail, maybeDone: !refused };
}
