/**
 * When a proxy's silence is evidence that its connections are gone. Only what somebody promised to say can be missed:
 *
 * - The proxy is known to renew: it has sent periodic entries, at a measured interval, and has not been wrong. One that
 *   is not known to is *unrenewed*: its leases stay until their end is heard, or for `lease.unrenewedMax`.
 * - The lease has been silent for longer than the proxy was ever seen to be silent of one that lived: two and a half
 *   times its longest interval of late, and a ttl at least.
 * - Somebody was there to hear it. This gate has observed for all of that time, with a store that it trusted, a steady
 *   clock and no pause of its own; and the proxy's log streams were whole, or have been found again for as long. A gate
 *   that fell silent may have died or hang. A proxy that does not ask its gates whether they are there (HTTP/2
 *   keepalive) may be speaking to one that hangs, so what it was last heard of there stays until it is heard elsewhere;
 *   so does, while several gates are silent, what a proxy was last heard of at one of them: it may be at another.
 * - Its log does not overlook connections. A lease that no periodic entry ever told, while nothing was lost, belongs to a
 *   listener, route or filter that is not logged. From then on only told leases of this proxy go by its silence.
 *   While a stream is held for it, that is seen, too. And leases for which a stream was held and that no periodic entry
 *   ever told only go where the log has told of such a connection before.
 *
 * A proxy whose streams are gone is dead when nobody has heard it for the grace, under the same conditions.
 *
 * What one gate learns of a proxy, all need to know; so it is kept in the store (`Promised`) and told with the
 * heartbeat (`takeNews`). Times are the store's, but for those of the intervals.
 */

import type { Events, Unrenewed } from './events.ts';
import { FlushIntervals, type Times } from './flush-intervals.ts';
import { type LeaseId, type ProxyId, proxyOf } from './ids.ts';
import type { Promised, PromiseNews, Silence } from './lease-store.ts';

export interface EvidenceOptions extends Times {
  readonly graceMs: number;
  readonly unrenewedMaxMs: number;
  /** By then a gate has noticed that a stream is broken. */
  readonly breakNoticedMs: number;
}

/** A connection is gone when its proxy has been silent of it for so many of its longest intervals. */
const INTERVALS = 2.5;
/** Before other gates are known to be silent, nothing is taken for gone that they may have heard. */
export const GATE_SILENT_MS = 5000;
const NOTICED_MS = 2000;
/** A gate that fell silent may have renewed leases for so long after its last heartbeat. */
const AFTER_BEAT_MS = 3000;
/** A proxy whose silence was wrong is not trusted again for so many ttls. */
export const DISTRUST_TTLS = 60;

/** What a pass of the reaper goes by. */
export interface Observation {
  readonly timeMs: number;
  /** Since when this gate has observed without a gap. */
  readonly observedSinceMs: number;
  /** Whether there are other gates, silent ones included. */
  readonly hasOthers: boolean;
  /** Whether a proxy that left one silent gate may be speaking to another. */
  readonly hasRefuge: boolean;
}

interface Overdue {
  /** Of its log, as the fleet knows it; undefined while that was not looked up. */
  readonly intervalMs: number | undefined;
  /** Whether one was since then. */
  since: boolean;
}

export class Evidence {
  readonly intervals: FlushIntervals;
  readonly #events: Events;
  readonly #options: EvidenceOptions;
  /** News that the store has still to be told. */
  #news = new Map<ProxyId, PromiseNews>();
  readonly #unrenewed = new Map<ProxyId, Unrenewed>();
  /** Proxies with connections that streams hold and of which no gate was told periodically. */
  readonly #overdue = new Map<ProxyId, Overdue>();
  /** Proxies whose logs have told of connections that streams hold. */
  readonly #tellHeld = new Set<ProxyId>();
  /** Proxies that do not ask whether their gate is there. */
  readonly #unasking = new Set<ProxyId>();

  constructor(options: EvidenceOptions, events: Events) {
    this.#options = options;
    this.#events = events;
    this.intervals = new FlushIntervals(options, events);
  }

  /** Proxies that do not renew their connections, as far as this gate can tell. */
  get unrenewed(): ReadonlyMap<ProxyId, Unrenewed> {
    return this.#unrenewed;
  }

  /**
   * For how long this gate keeps a connection in mind of which its stream says nothing, ms: by then its end was lost.
   * Undefined where silence says nothing.
   */
  silentMs(proxy: ProxyId, told: boolean): number | undefined {
    const longestMs = this.intervals.longestMs(proxy);
    const why = this.#unrenewed.get(proxy);
    if (longestMs === 0 || why === 'wrong' || why === 'nothing' || (why === 'some' && !told)) return undefined;
    return Math.max(this.#options.ttlMs, INTERVALS * longestMs);
  }

  /** Its log tells of a connection for which a stream is held. */
  toldHeld(proxy: ProxyId): void {
    this.#tellHeld.add(proxy);
  }

  /** Whether the silence of its log says that a connection is gone for which a stream was held, and which it never told. */
  tellsHeld(promised: Promised | undefined, timeMs: number): boolean {
    if (!promised) return false;
    return promised.tellsHeld && promised.intervalMs > 0 && !this.#overlooks(promised, timeMs);
  }

  #overlooks({ overlookedMs }: Promised, timeMs: number): boolean {
    return overlookedMs > timeMs - this.#options.unrenewedMaxMs;
  }

  /** Whether a log that renews would have told of a connection for which a stream has been held since then. */
  isOverdue(proxy: ProxyId, heldSinceMs = Number.POSITIVE_INFINITY): boolean {
    const longestMs = Math.max(this.intervals.longestMs(proxy), this.#overdue.get(proxy)?.intervalMs ?? 0);
    return performance.now() - heldSinceMs > Math.max(this.#options.ttlMs, INTERVALS * longestMs);
  }

  /** A connection of it is overdue (`isOverdue`), and no gate was told of it. */
  overdue(proxy: ProxyId): void {
    const known = this.#overdue.get(proxy);
    if (known) known.since = known.intervalMs !== undefined;
    else this.#overdue.set(proxy, { intervalMs: undefined, since: false });
  }

  /** Proxies that have had such connections. */
  get overdueOnes(): Iterable<ProxyId> {
    return this.#overdue.keys();
  }

  /** A periodic entry followed another of the same connection, on the same stream. */
  renewed(proxy: ProxyId, intervalMs: number): void {
    if (this.intervals.measured(proxy, intervalMs)) this.missed(proxy);
    if (this.#unrenewed.get(proxy) === 'nothing') this.#is(proxy, undefined);
  }

  /** A connection lives, and for long no periodic entry has spoken of it, nor of any other connection of the proxy. */
  renewsNothing(proxy: ProxyId): void {
    if (this.#unrenewed.has(proxy)) return;
    this.#is(proxy, 'nothing');
    this.#tell({ proxy, intervalMs: 0 }); // whatever it was known for before
  }

  /** A log stream broke: what was on its way is gone. */
  lost(proxy: ProxyId): void {
    this.#tell({ proxy, lost: 'now' });
  }

  /** Some of what it said up to now nobody heard. So a lease that was never told is not overlooked by its log. */
  missed(proxy: ProxyId): void {
    this.#tell({ proxy, missed: true });
  }

  /** A connection was told on another stream than before. */
  found(proxy: ProxyId): void {
    this.#tell({ proxy, found: true });
  }

  /** A gate to which these proxies logged fell silent. */
  gateLost(proxies: readonly ProxyId[], seenMs: number): void {
    for (const proxy of proxies) this.#tell({ proxy, lost: seenMs, stuck: seenMs });
  }

  /** Leases that were taken out by the silence of their proxies have been spoken of again. */
  contradicted(leases: readonly LeaseId[]): void {
    for (const [proxy, some] of Map.groupBy(leases, proxyOf)) {
      this.#events.emit('contradicted', proxy, some.length);
      this.#is(proxy, 'wrong');
      this.#tell({ proxy, distrustForMs: DISTRUST_TTLS * this.#options.ttlMs });
    }
  }

  /** A pass of the reaper found leases of exactly these proxies that their logs overlook. */
  overlooked(proxies: Iterable<ProxyId>): void {
    for (const proxy of proxies) {
      if (!this.#unrenewed.has(proxy)) this.#is(proxy, 'some');
      this.#tell({ proxy, overlooked: true });
    }
  }

  /**
   * The proxies that have a log stream open here, and how often each asks whether the gate is there, ms: 0 for never,
   * undefined as long as that is not known.
   */
  talking(proxies: ReadonlyMap<ProxyId, number | undefined>): void {
    for (const [proxy, pingMs] of proxies) {
      if (pingMs === 0 && !this.#unasking.has(proxy)) this.#events.emit('unasking', proxy);
      if (pingMs === 0) this.#unasking.add(proxy);
      const intervalMs = this.intervals.longestMs(proxy);
      this.#tell({
        proxy,
        logged: true,
        ...(pingMs === undefined ? {} : { pingMs }),
        ...(intervalMs > 0 ? { intervalMs } : {}),
        ...(this.#tellHeld.has(proxy) ? { tellsHeld: true } : {}),
      });
    }
  }

  /** The proxy is gone. */
  forget(proxy: ProxyId): void {
    this.intervals.forget(proxy);
    this.#unasking.delete(proxy);
    this.#overdue.delete(proxy);
    this.#tellHeld.delete(proxy);
    this.#is(proxy, undefined);
  }

  takeNews(): readonly PromiseNews[] {
    const news = [...this.#news.values()];
    this.#news = new Map();
    return news;
  }

  /** The store could not be told. */
  putBack(news: readonly PromiseNews[]): void {
    for (const each of news) this.#news.set(each.proxy, { ...each, ...this.#news.get(each.proxy) });
  }

  /** The rules for a pass: of proxies that log here, and of those that nobody has heard for the grace. */
  silences(
    known: ReadonlyMap<ProxyId, Promised>,
    talkingSinceMs: ReadonlyMap<ProxyId, number>,
    dead: ReadonlySet<ProxyId>,
    observation: Observation,
  ): Silence[] {
    const rules: Silence[] = [];
    for (const [proxy, promised] of known) {
      this.#look(proxy, promised, observation.timeMs);
      this.#lookForOverdue(proxy, promised, observation);
      const sinceMs = talkingSinceMs.get(proxy);
      const rule = dead.has(proxy)
        ? this.#rule(proxy, promised, { ...observation, needMs: this.#options.graceMs, sinceMs: 0 })
        : sinceMs !== undefined && this.#rule(proxy, promised, { ...observation, needMs: 0, sinceMs });
      if (rule) rules.push(rule);
    }
    return rules;
  }

  /** A proxy that renews, and of which nothing was lost, has not told of a connection for which a stream is held. */
  #lookForOverdue(proxy: ProxyId, promised: Promised, { timeMs, observedSinceMs }: Observation): void {
    const overdue = this.#overdue.get(proxy);
    if (!overdue) return;
    const { intervalMs, lostMs, stuckMs, foundMs, missedMs } = promised;
    const heardMs = timeMs - Math.max(lostMs, foundMs, missedMs, observedSinceMs);
    const isComplete = stuckMs <= foundMs && heardMs > Math.max(this.#options.ttlMs, INTERVALS * intervalMs);
    if (overdue.since && intervalMs > 0 && isComplete) this.overlooked([proxy]);
    this.#overdue.set(proxy, { intervalMs, since: false });
  }

  #rule(
    proxy: ProxyId,
    promised: Promised,
    {
      timeMs,
      observedSinceMs,
      hasOthers,
      hasRefuge,
      needMs,
      sinceMs,
    }: Observation & { needMs: number; sinceMs: number },
  ): Silence | undefined {
    const { ttlMs, breakNoticedMs } = this.#options;
    const intervalMs = Math.max(promised.intervalMs, this.intervals.longestMs(proxy));
    if (intervalMs === 0 || promised.distrustedUntilMs > timeMs) return undefined;
    const silentMs = Math.max(ttlMs, INTERVALS * intervalMs, hasOthers ? GATE_SILENT_MS + NOTICED_MS : 0);
    const { lostMs, stuckMs, foundMs, missedMs, pingMs } = promised;
    const isStuck = stuckMs > foundMs;
    // By then, a proxy that asks has left a gate that hangs.
    const leftMs = isStuck && pingMs > 0 ? stuckMs + 2 * pingMs : 0;
    const heardMs = timeMs - Math.max(lostMs, foundMs, leftMs, observedSinceMs, sinceMs);
    if (heardMs < Math.max(silentMs, needMs)) return undefined;
    const completeSinceMs = Math.max(lostMs, foundMs, missedMs);
    return {
      proxy,
      silentMs,
      unheardUntilMs: isStuck && (pingMs === 0 || hasRefuge) ? stuckMs + AFTER_BEAT_MS : 0,
      completeSinceMs,
      // For so long another gate may go on renewing a lease whose stream is broken, too.
      heldCompleteSinceMs: completeSinceMs + breakNoticedMs + AFTER_BEAT_MS,
      toldOnly: this.#overlooks(promised, timeMs),
      tellsHeld: promised.tellsHeld,
    };
  }

  /** What other gates have found out is true here, too. */
  #look(proxy: ProxyId, promised: Promised, timeMs: number): void {
    const overlooks = this.#overlooks(promised, timeMs);
    const isWrong = promised.distrustedUntilMs > timeMs;
    const why = this.#unrenewed.get(proxy);
    if (isWrong) this.#is(proxy, 'wrong');
    else if (overlooks && why !== 'nothing') this.#is(proxy, 'some');
    else if (why === 'wrong' || why === 'some') this.#is(proxy, undefined);
  }

  #is(proxy: ProxyId, why: Unrenewed | undefined): void {
    if (this.#unrenewed.get(proxy) === why) return;
    if (why === undefined) this.#unrenewed.delete(proxy);
    else this.#unrenewed.set(proxy, why);
    this.#events.emit('unrenewed', proxy, why);
  }

  #tell(news: PromiseNews): void {
    this.#news.set(news.proxy, { ...this.#news.get(news.proxy), ...news });
  }
}
