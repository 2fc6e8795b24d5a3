/** The gate: may this connection open? One question to the store, or none while it is away. */

import { mustHold } from './invariants.ts';
import type { Ledger } from './ledger/ledger.ts';
import { admitWithoutStore, type OutagePolicy } from './outage.ts';
import type { Parts } from './parts.ts';
import type { DenialReason, Upgrade, Verdict } from './verdict.ts';

type GateParts = Parts & { readonly ledger: Ledger };

export interface GateOptions {
  readonly reserveMs: number;
  readonly outage: OutagePolicy;
}

export class Gate {
  readonly #parts: GateParts;
  readonly #options: GateOptions;
  readonly #abandoned = new WeakSet<Upgrade>();
  #refusal: string | undefined;

  constructor(parts: GateParts, options: GateOptions) {
    this.#parts = parts;
    this.#options = options;
    parts.events.on('standingChanged', () => this.#noteRefusal(undefined));
  }

  async admit(upgrade: Upgrade): Promise<Verdict> {
    const startedAt = performance.now();
    const verdict = await this.#decide(upgrade);
    this.#parts.events.emit('decided', verdict, performance.now() - startedAt);
    return verdict;
  }

  /** An upgrade that never got as far as a pod and a proxy. */
  refuse(reason: DenialReason): Verdict {
    const verdict: Verdict = { admitted: false, reason };
    this.#parts.events.emit('decided', verdict, 0);
    return verdict;
  }

  /** The asker left before the answer. The release goes to the store behind the acquire, so it finds the lease. */
  abandon(upgrade: Upgrade): void {
    this.#abandoned.add(upgrade);
    this.#parts.ledger.releases.giveBack(upgrade.pod, upgrade.lease);
  }

  async #decide(upgrade: Upgrade): Promise<Verdict> {
    const { pod, lease, path } = upgrade;
    if (!this.#parts.presence.asks(pod, lease)) return { admitted: false, reason: 'TOO_MANY_NAMES', pod, lease };
    this.#parts.ledger.releases.takeBack(pod, lease); // a retry of a Check that was abandoned asks for the same lease
    if (!this.#parts.standing.synced)
      return this.#decideAlone(upgrade, this.#parts.store.up ? 'STORE_RECOVERING' : 'STORE_UNAVAILABLE');
    const { epoch } = this.#parts.standing;
    const limit = this.#parts.limits.of(pod);
    const answer = await this.#parts.store.acquire(pod, lease, limit, this.#options.reserveMs, path);
    this.#noteRefusal(answer.ok || answer.why !== 'refused' ? undefined : answer.detail);
    if (!answer.ok || epoch !== this.#parts.standing.epoch) {
      if (this.#abandoned.has(upgrade)) return { admitted: false, reason: 'STORE_UNAVAILABLE', pod, lease }; // nobody listens
      const verdict = this.#decideAlone(upgrade, 'STORE_UNAVAILABLE');
      if (!verdict.admitted && (answer.ok || answer.maybeDone)) this.#parts.ledger.releases.withdraw(pod, lease);
      return verdict;
    }
    const { admitted, count, ended } = answer.value;
    if (ended) return { admitted: false, reason: 'ENDED', pod, lease };
    mustHold(this.#parts.events, 'denied-below-limit', admitted || count >= limit);
    this.#parts.share.counted(pod, count);
    return admitted ? { admitted, counted: true, pod, lease } : { admitted, reason: 'LIMIT_EXCEEDED', pod, lease };
  }

  #noteRefusal(detail: string | undefined): void {
    if (detail === this.#refusal) return;
    this.#refusal = detail;
    this.#parts.events.emit('refused', detail);
  }

  #decideAlone({ pod, lease, path }: Upgrade, reason: DenialReason): Verdict {
    const fromShare = () => this.#parts.share.admit(pod, lease, this.#parts.limits.of(pod));
    if (!admitWithoutStore(this.#options.outage, fromShare)) return { admitted: false, reason, pod, lease };
    this.#parts.ledger.renewals.expect(pod, lease, path);
    return { admitted: true, counted: false, pod, lease };
  }
}
