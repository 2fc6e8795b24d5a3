/**
 * The calls for one pod, in order: every script over a pod's keys goes through here, so that none overtakes another. All
 * pods of a service count as one.
 *
 * Acquires of one turn of the event loop wait for each other, and go out as one call for each pod. A call costs this
 * process and Redis far more than a lease in it: under load this is what a Check costs Redis. Any other call of the pod
 * sends what waits before itself.
 *
 * One Redis carries calls out in the order in which they were sent. A Redis Cluster may not, while a slot moves; there a
 * call that takes leases out waits for the answers to those that add some, or an add that comes late would bring them
 * back.
 */

import type { Claims } from '../../admission/claims.ts';
import {
  endpointOf,
  type LeaseId,
  type PodId,
  podOf,
  proxyOf,
  type ServiceId,
  serviceOf,
  type Where,
} from '../../admission/ids.ts';
import { type Acquired, type Answer, type Choice, LEAST, type Placed } from '../../admission/lease-store.ts';
import type { RedisLink } from '../../redis/link.ts';
import type { Script } from '../../redis/script.ts';
import type { Keys } from './keys.ts';
import { scripts } from './scripts.ts';

type Args = readonly (string | number)[];

/** The maximum number of leases in one acquire, so that no script holds Redis for long. */
const LEASES_PER_CALL = 500;

interface Asked {
  readonly lease: LeaseId;
  readonly info: string;
  /** The endpoints that are asked for. */
  readonly first: string;
  readonly resolve: (answer: Answer<Reserved>) => void;
}

/** What came of one lease: as the scripts say it, with the endpoint that has it where it is one of a service. */
interface Reserved {
  readonly outcome: number;
  readonly count: number;
  readonly endpoint: string;
  /** Of the pod that was asked for. */
  /** What the script said in the end: the override of a pod that was named, or further endpoints of a service. */
  readonly last: number | string | undefined;
}

/** Acquires of one pod, or of a service, that wait to be sent. */
interface Batch {
  readonly where: Where;
  /** Of the pod. */
  readonly limit: number | '';
  /** Of the service: the pick, and how many further pods are to be told. */
  readonly how: string;
  readonly reserveMs: number;
  readonly asked: Asked[];
}

export class PodCalls {
  readonly #link: RedisLink;
  readonly #keys: Keys;
  readonly #batches = new Map<Where, Batch>();
  #scheduled = false;
  /** In a cluster: for each pod the calls that add leases to it, until they are answered. */
  readonly #adding = new Map<Where, Set<Promise<unknown>>>();
  /** Calls that change something, until they are answered. */
  readonly #writing = new Set<Promise<unknown>>();

  constructor(link: RedisLink, keys: Keys) {
    this.#link = link;
    this.#keys = keys;
  }

  async acquire([{ pod, limit }]: Claims, lease: LeaseId, reserveMs: number, info: string): Promise<Answer<Acquired>> {
    const answer = await this.#reserve(pod, limit, reserveMs, LEAST, { lease, info });
    if (!answer.ok) return answer;
    const { outcome, count, last } = answer.value;
    const more = { ...(outcome === -1 ? { ended: true as const } : {}), ...(last && { limit: Number(last) }) };
    return { ok: true, value: { admitted: outcome === 1, count, ...more } };
  }

  async place(
    service: ServiceId,
    lease: LeaseId,
    reserveMs: number,
    info: string,
    choice: Choice,
  ): Promise<Answer<Placed>> {
    const answer = await this.#reserve(service, '', reserveMs, choice, { lease, info });
    if (!answer.ok) return answer;
    const { outcome, count, endpoint, last } = answer.value;
    const others = choice.others ? { others: othersIn(service, String(last), endpoint, choice.others) } : {};
    if (outcome === 1) return { ok: true, value: { placed: true, pod: podOf(service, endpoint), count, ...others } };
    return { ok: true, value: { placed: false, why: outcome === 0 ? 'full' : outcome === -1 ? 'ended' : 'unknown' } };
  }

  #reserve(
    where: Where,
    limit: number | '',
    reserveMs: number,
    { pick, first, others = 0 }: Choice,
    asked: Omit<Asked, 'first' | 'resolve'>,
  ): Promise<Answer<Reserved>> {
    const answer = new Promise<Answer<Reserved>>((resolve) => {
      const endpoints = first?.map(endpointOf).join(' ') ?? '';
      this.#batch(where, limit, reserveMs, others === 0 ? pick : `${pick} ${others}`).asked.push({
        ...asked,
        first: endpoints,
        resolve,
      });
    });
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        for (const waiting of this.#batches.keys()) this.#sendBatch(waiting);
      });
    }
    return this.writing(answer);
  }

  /** A call that adds leases. */
  add(script: Script, pod: Where, args: Args): Promise<Answer<unknown>> {
    return this.writing(this.#add(pod, this.run(script, pod, args)));
  }

  /** A call that takes leases out. */
  take(script: Script, pod: Where, args: Args): Promise<Answer<unknown>> {
    return this.writing(this.#take(script, pod, args));
  }

  /** Any other. */
  run(script: Script, pod: Where, args: Args): Promise<Answer<unknown>> {
    this.#sendBatch(groupOf(pod));
    return this.#link.run(script, this.#keys.pod(pod), args);
  }

  /** `answered` waits for this work, too: it changes something in several calls. */
  async writing<T>(work: Promise<T>): Promise<T> {
    this.#writing.add(work);
    const answer = await work;
    this.#writing.delete(work);
    return answer;
  }

  /** Resolves when all that changes something and was asked for before has been answered. */
  async answered(): Promise<void> {
    await Promise.all(this.#writing);
  }

  async #take(script: Script, pod: Where, args: Args): Promise<Answer<unknown>> {
    const group = groupOf(pod);
    this.#sendBatch(group);
    if (!this.#link.isOneNode) await Promise.all(this.#adding.get(group) ?? []);
    return this.run(script, pod, args);
  }

  async #add(pod: Where, call: Promise<Answer<unknown>>): Promise<Answer<unknown>> {
    if (this.#link.isOneNode) return call;
    const group = groupOf(pod);
    const calls = this.#adding.get(group) ?? new Set();
    this.#adding.set(group, calls.add(call));
    const answer = await call;
    calls.delete(call);
    if (calls.size === 0 && this.#adding.get(group) === calls) this.#adding.delete(group);
    return answer;
  }

  #batch(where: Where, limit: number | '', reserveMs: number, how: string): Batch {
    const group = groupOf(where);
    const waiting = this.#batches.get(group);
    const isOfPod = waiting?.where === where && waiting.limit === limit;
    const isSame = isOfPod && waiting.how === how && waiting.reserveMs === reserveMs;
    if (isSame && waiting.asked.length < LEASES_PER_CALL) return waiting;
    this.#sendBatch(group);
    const batch = { where, limit, how, reserveMs, asked: [] };
    this.#batches.set(group, batch);
    return batch;
  }

  #sendBatch(group: Where): void {
    const batch = this.#batches.get(group);
    if (!batch) return;
    this.#batches.delete(group);
    void this.#send(batch);
  }

  async #send(batch: Batch): Promise<void> {
    const { where, asked } = batch;
    const [script, args] = serviceOf(where) ? placing(batch) : acquiring(batch);
    const answer = await this.#add(where, this.#link.run(script, this.#keys.pod(where), args));
    // Of a service three for each lease. Of a pod {admitted, count, a word}, or two for each of several.
    const each = serviceOf(where) ? 3 : 2;
    const reply = answer.ok ? (answer.value as (number | string)[]) : [];
    const last = reply[each === 2 && asked.length === 1 ? 3 : each * asked.length];
    asked.forEach(({ resolve }, i) => {
      const [outcome, ...more] = reply.slice(each * i, each * (i + 1));
      const [endpoint, count] = each === 3 ? more : ['', ...more];
      const reserved = { outcome: Number(outcome), count: Number(count), endpoint: String(endpoint), last };
      resolve(answer.ok ? { ok: true, value: reserved } : answer);
    });
  }
}

/** What calls are kept in order with each other. */
function groupOf(where: Where): Where {
  return serviceOf(where) ?? where;
}

/** So many that the script told, but the one that was chosen. */
function othersIn(service: ServiceId, told: string, chosen: string, count: number): PodId[] {
  const others = told.split(' ').filter((endpoint) => endpoint !== '' && endpoint !== chosen);
  return others.slice(0, count).map((endpoint) => podOf(service, endpoint));
}

function acquiring({ limit, reserveMs, asked }: Batch): [Script, Args] {
  const args: (string | number)[] = [];
  for (const { lease, info } of asked) {
    if (args.length === 0) args.push(limit, lease, proxyOf(lease), reserveMs, info);
    else args.push(lease, proxyOf(lease), info);
  }
  return [scripts.acquire, args];
}

function placing({ limit, how, reserveMs, asked }: Batch): [Script, Args] {
  const leases = asked.flatMap(({ lease, info, first }) => [lease, proxyOf(lease), info, first]);
  return [scripts.place, [reserveMs, limit, how, ...leases]];
}
