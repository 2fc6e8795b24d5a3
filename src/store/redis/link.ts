/**
 * The link to Redis, and the circuit breaker on it.
 *
 * The link is up or down. Down, a call answers at once that the store is away. It goes down when a call passes its
 * deadline or the connection breaks, and comes up when a probe is answered: replies come in order, so an answered
 * probe means that all that was sent before it has been done. The probe is sent the moment the link goes down, waits
 * for as long as it takes, and is sent again on each new connection; so Redis is back in use as soon as it answers.
 *
 * Nothing is queued while down and nothing is sent twice: a command whose connection broke may have been done, and
 * only the caller knows whether it is safe to repeat.
 */

import type { Redis } from 'ioredis';
import type { Answer, StoreAway } from '../../admission/lease-store.ts';
import { type Script, scripts } from './scripts.ts';

export interface LinkEvents {
  /** The link went up (`detail` is empty) or down (`detail` says why). */
  changed(up: boolean, detail: string): void;
  called(operation: string, durationMs: number, answer: 'ok' | StoreAway['why']): void;
}

const LATE = Symbol('the deadline passed');

export class RedisLink {
  readonly #redis: Redis;
  readonly #deadlineMs: number;
  readonly #events: LinkEvents;
  #up = false;
  #lastError = 'not connected yet';
  #probe = 0;

  constructor(redis: Redis, deadlineMs: number, events: LinkEvents) {
    this.#redis = redis;
    this.#deadlineMs = deadlineMs;
    this.#events = events;
    redis.on('error', (error: Error) => {
      this.#lastError = error.message;
    });
    redis.on('ready', () => this.#startProbe());
    redis.on('close', () => this.#down(this.#lastError));
    if (redis.status === 'ready') this.#startProbe();
  }

  get up(): boolean {
    return this.#up;
  }

  /** Runs a script by its SHA; on NOSCRIPT once more by its text. */
  run(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<Answer<unknown>> {
    return this.call(script.name, async () => {
      try {
        return await this.#redis.evalsha(script.sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return this.#redis.eval(script.source, keys.length, ...keys, ...args);
      }
    });
  }

  async call<T>(operation: string, send: (redis: Redis) => Promise<T>): Promise<Answer<T>> {
    if (!this.#up) return { ok: false, why: 'disconnected', detail: this.#lastError, maybeDone: false };
    const sentAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<typeof LATE>((resolve) => {
      // An answer that is already waiting in the socket counts: after a stall of this process, timers run before reads.
      timer = setTimeout(() => setImmediate(resolve, LATE), this.#deadlineMs);
    });
    let answer: Answer<T>;
    try {
      const value = await Promise.race([send(this.#redis), deadline]);
      answer = value === LATE ? this.#late(operation) : { ok: true, value };
    } catch (error) {
      answer = failure(error);
    } finally {
      clearTimeout(timer);
    }
    this.#events.called(operation, performance.now() - sentAt, answer.ok ? 'ok' : answer.why);
    return answer;
  }

  async close(): Promise<void> {
    this.#probe += 1;
    this.#up = false;
    this.#redis.disconnect();
  }

  #late(operation: string): StoreAway {
    const detail = `no answer to ${operation} within ${this.#deadlineMs} ms`;
    this.#down(detail);
    this.#startProbe();
    return { ok: false, why: 'timeout', detail, maybeDone: true };
  }

  #down(detail: string): void {
    this.#lastError = detail;
    this.#probe += 1; // whatever a probe on the old connection says no longer counts
    if (!this.#up) return;
    this.#up = false;
    this.#events.changed(false, detail);
  }

  #startProbe(): void {
    if (this.#redis.status !== 'ready') return; // the next `ready` starts one
    this.#probe += 1;
    const probe = this.#probe;
    Promise.all(Object.values(scripts).map(({ source }) => this.#redis.script('LOAD', source))).then(
      () => {
        if (probe !== this.#probe || this.#up) return;
        this.#up = true;
        this.#events.changed(true, '');
      },
      (error: Error) => {
        if (probe === this.#probe) this.#down(error.message);
      },
    );
  }
}

/** Redis itself answered with an error, or the command did not get there. */
function failure(error: unknown): StoreAway {
  const detail = error instanceof Error ? error.message : String(error);
  const refused = error instanceof Error && error.name === 'ReplyError';
  return { ok: false, why: refused ? 'refused' : 'disconnected', detail, maybeDone: !refused };
}
