/**
 * Tells what happens in this gate as events.
 *
 * So many connections a second are told one by one; beyond that they are counted, and at the end of the second told as
 * one event for each pod and kind. An upgrade waits for none of it: it costs a small object or a number, and events are
 * made and published later, by a timer.
 */

import type { Events, ReleaseCause, Unrenewed } from '../admission/events.ts';
import { holderOf, type LeaseId, type PodId, type ProxyId } from '../admission/ids.ts';
import type { Verdict } from '../admission/verdict.ts';
import type { OwnType } from './cloud-event.ts';
import type { Happening } from './own-event.ts';

export interface ReporterOptions {
  /** Connections that are told one by one, each second. */
  readonly oneByOneMax: number;
}

/** Something that happened to connections of one pod. */
interface Change {
  readonly type: OwnType;
  readonly pod: PodId | undefined;
  /** A denial's reason, a release's cause. */
  readonly why: string;
  readonly lease?: LeaseId;
  readonly count: number;
  readonly atMs: number;
}

/** Told together, so that a burst is one publication. Half the time that people take for "at once". */
const SOON_MS = 50;
const SECOND_MS = 1000;
/** Pods that are counted each for itself in one second; those beyond are counted together, under no name. */
const PODS_MAX = 100;

export class Reporter {
  readonly #publish: (happenings: readonly Happening[]) => void;
  readonly #changed: () => void;
  readonly #talking: () => Iterable<ProxyId>;
  readonly #options: ReporterOptions;
  #oneByOneLeft: number;
  #changes: Change[] = [];
  /** By pod, then by type and why. */
  #counts = new Map<PodId | undefined, Map<string, number>>();
  #proxies = new Set<ProxyId>();
  #soon: NodeJS.Timeout | undefined;
  #second: NodeJS.Timeout | undefined;

  /** `changed`: the fleet has. `talking`: the proxies whose log streams are open to this gate. */
  constructor(
    events: Events,
    parts: {
      publish: (happenings: readonly Happening[]) => void;
      changed: () => void;
      talking: () => Iterable<ProxyId>;
    },
    options: ReporterOptions,
  ) {
    this.#publish = parts.publish;
    this.#changed = parts.changed;
    this.#talking = parts.talking;
    this.#options = options;
    this.#oneByOneLeft = options.oneByOneMax;
    events.on('decided', (verdict) => this.#decided(verdict));
    events.on('released', (pod, cause, count) => this.#released(pod, cause, count));
    events.on('adopted', (pod, count) => this.#happened('connection.adopted', pod, '', count));
    events.on('storeChanged', (up, detail) => {
      const state = up ? 'up' : 'down';
      this.#publish([{ type: `store.${state}`, subject: 'store', data: { state, ...(up ? {} : { detail }) } }]);
      this.#changed();
    });
    events.on('gatesSilent', () => this.#changed());
    events.on('unlogged', () => this.#changed());
    events.on('unrenewed', (proxy, why) => this.#unrenewed(proxy, why));
  }

  start(): void {
    this.#publish([{ type: 'gate.started', data: {} }]);
    this.#second = setInterval(() => this.#eachSecond(), SECOND_MS);
  }

  stop(): void {
    clearInterval(this.#second);
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#tell();
    this.#tellCounts();
    this.#publish([{ type: 'gate.stopping', data: {} }]);
  }

  #decided(verdict: Verdict): void {
    if (verdict.admitted) this.#happened('connection.admitted', verdict.pod, '', 1, verdict.lease);
    else this.#happened('connection.denied', verdict.pod, verdict.reason, 1, verdict.lease);
  }

  #unrenewed(proxy: ProxyId, why: Unrenewed | undefined): void {
    const labels = { proxy, ...(why === undefined ? {} : { why }) };
    const type = why === undefined ? 'proxy.renewed' : 'proxy.unrenewed';
    this.#publish([{ type, subject: `proxy/${proxy}`, data: { labels } }]);
    this.#changed();
  }

  #released(pod: PodId, cause: ReleaseCause, count: number): void {
    this.#happened(cause === 'expired' ? 'connection.expired' : 'connection.released', pod, cause, count);
  }

  #happened(type: OwnType, pod: PodId | undefined, why: string, count: number, lease?: LeaseId): void {
    this.#changed();
    if (this.#oneByOneLeft === 0) {
      this.#count(type, pod, why, count);
      return;
    }
    this.#oneByOneLeft -= 1;
    this.#changes.push({ type, pod, why, count, atMs: Date.now(), ...(lease === undefined ? {} : { lease }) });
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#tell();
    }, SOON_MS);
  }

  #count(type: OwnType, pod: PodId | undefined, why: string, count: number): void {
    const counted = this.#counts.has(pod) || this.#counts.size < PODS_MAX ? pod : undefined;
    let counts = this.#counts.get(counted);
    if (!counts) {
      counts = new Map();
      this.#counts.set(counted, counts);
    }
    const kind = `${type} ${why}`;
    counts.set(kind, (counts.get(kind) ?? 0) + count);
  }

  #eachSecond(): void {
    this.#oneByOneLeft = this.#options.oneByOneMax;
    this.#tellCounts();
    this.#tellProxies();
  }

  #tell(): void {
    const changes = this.#changes;
    this.#changes = [];
    if (changes.length > 0) this.#publish(changes.map(told));
  }

  #tellCounts(): void {
    const atMs = Date.now();
    const happenings = [...this.#counts].flatMap(([pod, counts]) =>
      [...counts].map(([kind, count]) => {
        const [type, why] = kind.split(' ') as [OwnType, string];
        return told({ type, pod, why, count, atMs });
      }),
    );
    this.#counts = new Map();
    if (happenings.length > 0) this.#publish(happenings);
  }

  #tellProxies(): void {
    const talking = new Set(this.#talking());
    const tell = (type: OwnType, proxies: Set<ProxyId>): Happening[] =>
      [...proxies].map((proxy) => ({ type, subject: `proxy/${proxy}`, data: { labels: { proxy } } }));
    const happenings = [
      ...tell('proxy.heard', talking.difference(this.#proxies)),
      ...tell('proxy.silent', this.#proxies.difference(talking)),
    ];
    this.#proxies = talking;
    if (happenings.length > 0) this.#publish(happenings);
  }
}

function told({ type, pod, why, lease, count, atMs }: Change): Happening {
  const holder = lease === undefined ? undefined : holderOf(lease);
  const held = type === 'connection.denied' ? {} : { lease };
  const labels = {
    ...(pod === undefined ? {} : { pod }),
    ...(holder === undefined ? {} : { proxy: holder.proxy }),
    ...(why === '' ? {} : { [type === 'connection.denied' ? 'reason' : 'cause']: why }),
  };
  return {
    type,
    ...(pod === undefined ? {} : { subject: `pod/${pod}` }),
    data: { count, labels, ...(holder === undefined ? {} : { ...held, client: holder.address }) },
    atMs,
  };
}
