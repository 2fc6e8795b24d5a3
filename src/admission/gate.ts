/**
 * The gate: may this connection open? One question to the store, or none while the store is not to be asked
 * (`standing.ts`). What is decided then is decided in `outage.ts`.
 */

import { claimsOf } from './claims.ts';
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
    this.#parts.events.emit('decided', verdict, performance.now() - startedAt, upgrade.client);
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
    const { pod, lease, path, client } = upgrade;
    const { events, ledger, limits, presence, share, standing, store } = this.#parts;
    if (!presence.asks(pod, lease)) return { admitted: false, reason: 'TOO_MANY_NAMES', pod, lease };
    ledger.releases.takeBack(pod, lease); // a retry of a Check that was abandoned asks for the same lease
    if (!standing.synced) return this.#decideAlone(upgrade, store.up ? 'STORE_RECOVERING' : 'STORE_UNAVAILABLE');
    const { epoch } = standing;
    const claims = claimsOf(upgrade, limits);
    const answer = await store.acquire(claims, lease, this.#options.reserveMs, path, client);
    this.#noteRefusal(answer.ok || answer.why !== 'refused' ? undefined : answer.detail);
    if (!answer.ok || epoch !== standing.epoch) {
      if (this.#abandoned.has(upgrade)) return { admitted: false, reason: 'STORE_UNAVAILABLE', pod, lease }; // nobody listens
      const verdict = this.#decideAlone(upgrade, 'STORE_UNAVAILABLE');
      if (!verdict.admitted && (answer.ok || answer.maybeDone)) ledger.releases.withdraw(pod, lease);
      return verdict;
    }
    const { admitted, count, ended } = answer.value;
    if (ended) return { admitted: false, reason: 'ENDED', pod, lease };
    events.mustHold('denied-below-limit', admitted || count >= claims[0].limit);
    share.counted(pod, count);
    return admitted ? { admitted, counted: true, pod, lease } : { admitted, reason: 'LIMIT_EXCEEDED', pod, lease };
  }

  /** As `abandon`, by one that never asks again for this lease: it is freed whatever the store did, also later. */
  giveUp(upgrade: Upgrade): void {
    this.#abandoned.add(upgrade);
    this.#parts.ledger.releases.withdraw(upgrade.pod, upgrade.lease);
  }

  #noteRefusal(detail: string | undefined): void {
    if (detail === this.#refusal) return;
    this.#refusal = detail;
    this.#parts.events.emit('refused', detail);
  }

  #decideAlone(upgrade: Upgrade, reason: DenialReason): Verdict {
    const { pod, lease } = upgrade;
    const { ledger, limits, share } = this.#parts;
    const fromShare = () => share.admit(claimsOf(upgrade, limits), lease);
    if (!admitWithoutStore(this.#options.outage, fromShare)) return { admitted: false, reason, pod, lease };
    ledger.renewals.expect(upgrade);
    return { admitted: true, counted: false, pod, lease };
  }
}
