/**
 * Turns what happens in this gate into domain events.
 *
 * In each second, the first `oneByOneMax` changes of connections are told one by one. Those beyond are counted, and
 * told at the end of the second as one event for each pod and kind. No upgrade waits for any of it: it costs a small
 * object or a number, and events are made and published later, by a timer.
 */

import type { Events } from '../../admission/events.ts';
import { endpointOf, holderOf, isPod, type LeaseId, type PodId, type ProxyId, serviceOf } from '../../admission/ids.ts';
import type { AuditEntry } from '../../admission/override.ts';
import type { DomainEvent, DomainEventType } from './domain-event.ts';

export interface ReporterOptions {
  /** Changes of connections that are told one by one, each second. */
  readonly oneByOneMax: number;
}

export interface ReporterParts {
  readonly publish: (events: readonly DomainEvent[]) => void;
  /** Called when the fleet has changed. */
  readonly changed: () => void;
  /** The proxies whose log streams are open to this gate. */
  readonly talking: () => Iterable<ProxyId>;
}

/** Something that happened to a pod, or to connections of it. */
interface Change {
  readonly type: DomainEventType;
  readonly pod: PodId | undefined;
  /** A denial's or a closing's reason, a release's cause. */
  readonly why: string;
  readonly count: number;
  readonly lease?: LeaseId | undefined;
  /** Where it is not the direct peer. */
  readonly client?: string | undefined;
}

/** Changes within this time are published together. It is half of what people take for "at once". */
const SOON_MS = 50;
const SECOND_MS = 1000;
/** Pods that are counted each for itself in one second; those beyond are counted together, under no name. */
const PODS_MAX = 100;

export class Reporter {
  readonly #parts: ReporterParts;
  readonly #oneByOneMax: number;
  #oneByOneLeft: number;
  #changes: { readonly change: Change; readonly atMs: number }[] = [];
  /** By pod, then by type and why. */
  #counts = new Map<PodId | undefined, Map<string, number>>();
  #proxies = new Set<ProxyId>();
  #soon: NodeJS.Timeout | undefined;
  #second: NodeJS.Timeout | undefined;

  constructor(events: Events, parts: ReporterParts, { oneByOneMax }: ReporterOptions) {
    this.#parts = parts;
    this.#oneByOneMax = this.#oneByOneLeft = oneByOneMax;
    const { changed } = parts;
    events.on('decided', (verdict, _durationMs, client) => {
      const { admitted, pod, lease } = verdict;
      const type = admitted ? 'connection.admitted' : 'connection.denied';
      this.#note({ type, pod, lease, why: admitted ? '' : verdict.reason, count: 1, client });
    });
    events.on('released', (where, cause, count) => {
      const pod = isPod(where) ? where : undefined;
      this.#note({ type: cause === 'expired' ? 'connection.expired' : 'connection.released', pod, why: cause, count });
    });
    events.on('closing', (pod, lease, reason, client) => {
      this.#note({ type: 'connection.closing', pod, lease, why: reason, count: 1, client });
    });
    events.on('audited', (entry) => {
      this.#publish([eventOfAudit(entry)]);
      changed();
    });
    events.on('adopted', (pod, count) => this.#note({ type: 'connection.adopted', pod, why: '', count }));
    events.on('joined', (pod) => this.#note({ type: 'pod.joined', pod, why: '', count: 1 }));
    events.on('left', (pod) => this.#note({ type: 'pod.left', pod, why: '', count: 1 }));
    events.on('avoided', (pod) => this.#note({ type: 'pod.avoided', pod, why: '', count: 1 }));
    events.on('storeChanged', (up, detail) => {
      const state = up ? 'up' : 'down';
      this.#publish([{ type: `store.${state}`, subject: 'store', data: { state, ...(up ? {} : { detail }) } }]);
      changed();
    });
    events.on('gatesSilent', changed);
    events.on('unlogged', changed);
    events.on('unrenewed', (proxy, why) => {
      const type = why === undefined ? 'proxy.renewed' : 'proxy.unrenewed';
      this.#publish([aboutProxy(type, proxy, why === undefined ? {} : { why })]);
      changed();
    });
  }

  start(): void {
    this.#publish([{ type: 'gate.started', data: {} }]);
    this.#second = setInterval(() => this.#eachSecond(), SECOND_MS);
  }

  stop(): void {
    clearInterval(this.#second);
    clearTimeout(this.#soon);
    this.#tellChanges();
    this.#tellCounts();
    this.#publish([{ type: 'gate.stopping', data: {} }]);
  }

  #publish(events: readonly DomainEvent[]): void {
    if (events.length > 0) this.#parts.publish(events);
  }

  #note(change: Change): void {
    this.#parts.changed();
    if (this.#oneByOneLeft === 0) {
      this.#count(change);
      return;
    }
    this.#oneByOneLeft -= 1;
    this.#changes.push({ change, atMs: Date.now() });
    this.#soon ??= setTimeout(() => this.#tellChanges(), SOON_MS);
  }

  #count({ type, pod, why, count }: Change): void {
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
    this.#oneByOneLeft = this.#oneByOneMax;
    this.#tellCounts();
    this.#tellProxies();
  }

  #tellChanges(): void {
    const changes = this.#changes;
    this.#changes = [];
    this.#soon = undefined;
    this.#publish(changes.map(({ change, atMs }) => eventOf(change, atMs)));
  }

  #tellCounts(): void {
    const atMs = Date.now();
    const events = [...this.#counts].flatMap(([pod, counts]) =>
      [...counts].map(([kind, count]) => {
        const [type, why] = kind.split(' ') as [DomainEventType, string];
        return eventOf({ type, pod, why, count }, atMs);
      }),
    );
    this.#counts = new Map();
    this.#publish(events);
  }

  #tellProxies(): void {
    const talking = new Set(this.#parts.talking());
    this.#publish([
      ...[...talking.difference(this.#proxies)].map((proxy) => aboutProxy('proxy.heard', proxy)),
      ...[...this.#proxies.difference(talking)].map((proxy) => aboutProxy('proxy.silent', proxy)),
    ]);
    this.#proxies = talking;
  }
}

function aboutProxy(type: DomainEventType, proxy: ProxyId, labels: Readonly<Record<string, string>> = {}): DomainEvent {
  return { type, subject: `proxy/${proxy}`, data: { labels: { proxy, ...labels } } };
}

function eventOfAudit({ action, pod, proxy, by, atMs: _atMs, ...rest }: AuditEntry): DomainEvent {
  const about = pod === undefined ? proxy && `proxy/${proxy}` : `pod/${pod}`;
  const labels = { ...(pod === undefined ? {} : { pod }), ...(proxy === undefined ? {} : { proxy }) };
  return { type: action, ...(about === undefined ? {} : { subject: about }), data: { by, ...rest, labels } };
}

const HAVE_REASONS: ReadonlySet<DomainEventType> = new Set(['connection.denied', 'connection.closing']);

const OF_SERVICES: ReadonlySet<DomainEventType> = new Set(['pod.joined', 'pod.left', 'pod.avoided']);

function eventOf({ type, pod, why, lease, client, count }: Change, atMs: number): DomainEvent {
  const holder = lease === undefined ? undefined : holderOf(lease);
  const held = type === 'connection.denied' ? {} : { lease };
  const service = pod && OF_SERVICES.has(type) ? serviceOf(pod)?.slice(0, -1) : undefined;
  const labels = {
    ...(pod === undefined ? {} : { pod }),
    ...(service === undefined ? {} : { service }),
    ...(holder === undefined ? {} : { proxy: holder.proxy }),
    ...(why === '' ? {} : { [HAVE_REASONS.has(type) ? 'reason' : 'cause']: why }),
  };
  return {
    type,
    ...(pod === undefined ? {} : { subject: `pod/${pod}` }),
    data: {
      count,
      labels,
      ...(service === undefined || pod === undefined ? {} : { endpoint: endpointOf(pod) }),
      ...(holder === undefined ? {} : { ...held, client: client ?? holder.address, peer: holder.address }),
    },
    atMs,
  };
}
