/** The gate: may this connection open? One question to the store, or none while it is away. */

import type { Events } from './events.ts';
import { mustHold } from './invariants.ts';
import type { LeaseStore } from './lease-store.ts';
import type { Ledger } from './ledger.ts';
import type { Limits } from './limits.ts';
import { admitWithoutStore, type OutagePolicy } from './outage.ts';
import type { Presence } from './presence.ts';
import type { Share } from './share.ts';
import type { Standing } from './standing.ts';
import type { DenialReason, Upgrade, Verdict } from './verdict.ts';

export interface GateOptions {
  readonly reserveMs: number;
  readonly outage: OutagePolicy;
}

export class Gate {
  readonly #store: LeaseStore;
  readonly #limits: Limits;
  readonly #ledger: Ledger;
  readonly #share: Share;
  readonly #standing: Standing;
  readonly #presence: Presence;
  readonly #events: Events;
  readonly #options: GateOptions;
  readonly #abandoned = new WeakSet<Upgrade>();
  #refusal: string | undefined;

  constructor(
    parts: {
      store: LeaseStore;
      limits: Limits;
      ledger: Ledger;
      share: Share;
      standing: Standing;
      presence: Presence;
      events: Events;
    },
    options: GateOptions,
  ) {
    this.#store = parts.store;
    this.#limits = parts.limits;
    this.#ledger = parts.ledger;
    this.#share = parts.share;
    this.#standing = parts.standing;
    this.#presence = parts.presence;
    this.#events = parts.events;
    this.#options = options;
    parts.events.on('standingChanged', () => this.#noteRefusal(undefined));
  }

  async admit(upgrade: Upgrade): Promise<Verdict> {
    const startedAt = performance.now();
    const verdict = await this.#decide(upgrade);
    this.#events.emit('decided', verdict, performance.now() - startedAt);
    return verdict;
  }

  /** An upgrade that never got as far as a pod and a proxy. */
  refuse(reason: DenialReason): Verdict {
    const verdict: Verdict = { admitted: false, reason };
    this.#events.emit('decided', verdict, 0);
    return verdict;
  }

  /** The asker left before the answer. The release goes to the store behind the acquire, so it finds the lease. */
  abandon(upgrade: Upgrade): void {
    this.#abandoned.add(upgrade);
    this.#ledger.giveBack(upgrade.pod, upgrade.lease);
  }

  async #decide(upgrade: Upgrade): Promise<Verdict> {
    const { pod, lease, path } = upgrade;
    if (!this.#presence.asks(pod, lease)) return { admitted: false, reason: 'TOO_MANY_NAMES', pod, lease };
    this.#ledger.keep(pod, lease); // a retry of a Check that was abandoned asks for the same lease
    if (!this.#standing.synced)
      return this.#decideAlone(upgrade, this.#store.up ? 'STORE_RECOVERING' : 'STORE_UNAVAILABLE');
    const { epoch } = this.#standing;
    const limit = this.#limits.of(pod);
    const answer = await this.#store.acquire(pod, lease, limit, this.#options.reserveMs, path);
    this.#noteRefusal(answer.ok || answer.why !== 'refused' ? undefined : answer.detail);
    if (!answer.ok || epoch !== this.#standing.epoch) {
      if (this.#abandoned.has(upgrade)) return { admitted: false, reason: 'STORE_UNAVAILABLE', pod, lease }; // nobody listens
      const verdict = this.#decideAlone(upgrade, 'STORE_UNAVAILABLE');
      if (!verdict.admitted && (answer.ok || answer.maybeDone)) this.#ledger.withdraw(pod, lease);
      return verdict;
    }
    const { admitted, count, ended } = answer.value;
    if (ended) return { admitted: false, reason: 'ENDED', pod, lease };
    mustHold(this.#events, 'denied-below-limit', admitted || count >= limit);
    this.#share.counted(pod, count);
    return admitted ? { admitted, counted: true, pod, lease } : { admitted, reason: 'LIMIT_EXCEEDED', pod, lease };
  }

  #noteRefusal(detail: string | undefined): void {
    if (detail === this.#refusal) return;
    this.#refusal = detail;
    this.#events.emit('refused', detail);
  }

  #decideAlone({ pod, lease, path }: Upgrade, reason: DenialReason): Verdict {
    const fromShare = () => this.#share.admit(pod, lease, this.#limits.of(pod));
    if (!admitWithoutStore(this.#options.outage, fromShare)) return { admitted: false, reason, pod, lease };
    this.#ledger.expect(pod, lease, path);
    return { admitted: true, counted: false, pod, lease };
  }
}
