/** Closes many connections on somebody's word: those of a pod, of a proxy, the oldest or the newest of them, at a pace. */

import type { Events } from '../admission/events.ts';
import { holderOf, type LeaseId, type PodId, type ProxyId, proxyOf, startOf } from '../admission/ids.ts';
import type { Answer, LeaseStore } from '../admission/lease-store.ts';
import type { FleetView } from './fleet-view.ts';
import { closeAtPace, readHeld } from './held-leases.ts';

/** What one request may ask for: it stands in the store until it is done. */
export const CLOSE_MAX = 10_000;

/** Of a pod, of a proxy, or of a pod through a proxy. */
export interface Crowd {
  readonly pod?: PodId;
  readonly proxy?: ProxyId;
  /** Only those that are open for longer, by the proxies' clocks. */
  readonly olderThanMs?: number;
  /** So many of them at most, and which first. */
  readonly max: number;
  readonly first: 'oldest' | 'newest';
}

export interface CrowdClosing {
  readonly by: string;
  /** For Envoy's access log. */
  readonly reason: string;
  readonly rate: number;
}

export interface CrowdClosed {
  readonly asked: number;
  /** Others that match: no stream was ever held for them. */
  readonly unheld: number;
}

interface CrowdParts {
  readonly store: LeaseStore;
  readonly fleet: FleetView;
  readonly events: Events;
}

interface Found {
  readonly pod: PodId;
  readonly lease: LeaseId;
}

export class CrowdClosings {
  readonly #parts: CrowdParts;

  constructor(parts: CrowdParts) {
    this.#parts = parts;
  }

  /** Resolves when the gates have been asked. */
  async close(crowd: Crowd, { by, reason, rate }: CrowdClosing): Promise<Answer<CrowdClosed>> {
    const { store, events } = this.#parts;
    const found = await this.#find(crowd);
    if (!found.ok) return found;
    const { held, unheld } = found.value;
    const some = inOrder(held, crowd.first).slice(0, Math.min(crowd.max, CLOSE_MAX));
    if (some.length === 0) return { ok: true, value: { asked: 0, unheld } };
    const closing = await closeAtPace(store, some, rate, reason);
    if (!closing.ok) return closing;
    const { pod, proxy } = crowd;
    const about = { ...(pod === undefined ? {} : { pod }), ...(proxy === undefined ? {} : { proxy }) };
    const noted = await store.note({ action: 'close.asked', by, ...about, reason, rate, asked: some.length });
    if (!noted.ok) return noted;
    events.emit('audited', noted.value);
    return { ok: true, value: { asked: some.length, unheld } };
  }

  async #find(crowd: Crowd): Promise<Answer<{ readonly held: readonly Found[]; readonly unheld: number }>> {
    const { store, fleet } = this.#parts;
    const snapshot = await (crowd.pod === undefined ? fleet.fresh() : fleet.these([crowd.pod]));
    if (!snapshot.ok) return snapshot;
    const { timeMs, pods } = snapshot.value;
    const { proxy, olderThanMs } = crowd;
    const isOld = (lease: LeaseId) =>
      olderThanMs === undefined || timeMs - (holderOf(lease).sinceMs ?? timeMs) > olderThanMs;
    const isMeant = (lease: LeaseId) => (proxy === undefined || proxyOf(lease) === proxy) && isOld(lease);
    const held: Found[] = [];
    let unheld = 0;
    for (const { pod, proxies } of pods) {
      if (proxy !== undefined && !proxies.has(proxy)) continue;
      const found = await readHeld(store, pod, isMeant);
      if (!found.ok) return found;
      held.push(...found.value.held.map((lease) => ({ pod, lease })));
      unheld += found.value.unheld;
    }
    return { ok: true, value: { held, unheld } };
  }
}

/** By the proxies' clocks. */
function inOrder(found: readonly Found[], first: Crowd['first']): Found[] {
  const sign = first === 'oldest' ? 1 : -1;
  const aged = found.map((each) => ({ each, start: Number.parseInt(startOf(each.lease), 36) }));
  return aged.sort((a, b) => sign * (a.start - b.start) || 0).map(({ each }) => each);
}
