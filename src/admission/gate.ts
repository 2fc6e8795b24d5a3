/**
 * The gate: may this connection open? One question to the store, or none while the store is not to be asked
 * (`standing.ts`). What is decided then is decided in `outage.ts`.
 */

import { claimsOf } from './claims.ts';
import type { Enrolment } from './enrolment.ts';
import type { Answer } from './lease-store.ts';
import type { Ledger } from './ledger/ledger.ts';
import { admitWithoutStore, type OutagePolicy } from './outage.ts';
import type { Parts } from './parts.ts';
import {
  type AnyUpgrade,
  type DenialReason,
  type PlacedUpgrade,
  type Upgrade,
  type Verdict,
  whereOf,
} from './verdict.ts';
import { WaitingRoom } from './waiting-room.ts';

type GateParts = Parts & { readonly ledger: Ledger; readonly enrolment: Enrolment };

export interface GateOptions {
  readonly reserveMs: number;
  readonly outage: OutagePolicy;
}

/** Makes the verdict of what the store answered, for as long as that is believed. */
type Take = () => Verdict;

export class Gate {
  readonly #parts: GateParts;
  readonly #options: GateOptions;
  readonly #abandoned = new WeakSet<AnyUpgrade>();
  /** Upgrades that wait for a slot. */
  readonly waiting: WaitingRoom;
  #refusal: string | undefined;

  constructor(parts: GateParts, options: GateOptions) {
    this.#parts = parts;
    this.#options = options;
    this.waiting = new WaitingRoom(parts.events, (upgrade) => this.#unlessFull(upgrade));
    parts.events.on('standingChanged', () => this.#noteRefusal(undefined));
  }

  /** `withinMs`: for so long the asker waits for the answer. */
  async admit(upgrade: AnyUpgrade, withinMs = Number.POSITIVE_INFINITY): Promise<Verdict> {
    const startedAt = performance.now();
    const waited = { ms: 0 };
    const verdict = await this.#decideOrWait(upgrade, withinMs, waited);
    this.#parts.events.emit('decided', verdict, performance.now() - startedAt - waited.ms, upgrade.client);
    if ('service' in upgrade) this.#parts.events.emit('placed', upgrade.service, verdict);
    return verdict;
  }

  /** An upgrade that never got as far as a pod and a proxy. */
  refuse(reason: DenialReason): Verdict {
    const verdict: Verdict = { admitted: false, reason };
    this.#parts.events.emit('decided', verdict, 0);
    return verdict;
  }

  /** The asker left before the answer. The release goes to the store behind the acquire, so it finds the lease. */
  abandon(upgrade: AnyUpgrade): void {
    this.#leave(upgrade);
    this.#parts.ledger.releases.giveBack(whereOf(upgrade), upgrade.lease);
  }

  /** As `abandon`, by one that never asks again for this lease: it is freed whatever the store did, also later. */
  giveUp(upgrade: AnyUpgrade): void {
    this.#leave(upgrade);
    this.#parts.ledger.releases.withdraw(whereOf(upgrade), upgrade.lease);
  }

  #leave(upgrade: AnyUpgrade): void {
    this.#abandoned.add(upgrade);
    if ('service' in upgrade) this.waiting.leave(upgrade);
  }

  async #decideOrWait(upgrade: AnyUpgrade, withinMs: number, waited: { ms: number }): Promise<Verdict> {
    const startedMs = performance.now();
    const waitMs = 'service' in upgrade ? this.#parts.services.waitMs(upgrade.service) : 0;
    if (!('service' in upgrade) || waitMs === 0) return this.#decide(upgrade);
    const verdict = this.waiting.hasLine(upgrade.service) ? undefined : await this.#unlessFull(upgrade);
    if (verdict) return verdict;
    if (this.#abandoned.has(upgrade)) return denial(upgrade, 'LIMIT_EXCEEDED'); // nobody listens
    const sinceMs = performance.now();
    const found = await this.waiting.wait(upgrade, waitMs, withinMs - (sinceMs - startedMs));
    waited.ms = performance.now() - sinceMs;
    return found ?? denial(upgrade, 'LIMIT_EXCEEDED');
  }

  /** Undefined: all pods are full. */
  async #unlessFull(upgrade: PlacedUpgrade): Promise<Verdict | undefined> {
    const verdict = await this.#decide(upgrade);
    return !verdict.admitted && verdict.reason === 'LIMIT_EXCEEDED' ? undefined : verdict;
  }

  async #decide(upgrade: AnyUpgrade): Promise<Verdict> {
    const { lease } = upgrade;
    const { ledger, presence, standing, store } = this.#parts;
    const where = whereOf(upgrade);
    const denied = (reason: DenialReason): Verdict => denial(upgrade, reason);
    if (!presence.asks(where, lease)) return denied('TOO_MANY_NAMES');
    ledger.releases.takeBack(where, lease); // a retry of a Check that was abandoned asks for the same lease
    if (!standing.synced) return this.#decideAlone(upgrade, store.up ? 'STORE_RECOVERING' : 'STORE_UNAVAILABLE');
    const { epoch } = standing;
    const answer = 'pod' in upgrade ? await this.#acquire(upgrade) : await this.#place(upgrade);
    this.#noteRefusal(answer.ok || answer.why !== 'refused' ? undefined : answer.detail);
    if (answer.ok && epoch === standing.epoch) return answer.value();
    if (this.#abandoned.has(upgrade)) return denied('STORE_UNAVAILABLE'); // nobody listens
    const verdict = this.#decideAlone(upgrade, 'STORE_UNAVAILABLE');
    if (!verdict.admitted && (answer.ok || answer.maybeDone)) ledger.releases.withdraw(where, lease);
    return verdict;
  }

  async #acquire(upgrade: Upgrade): Promise<Answer<Take>> {
    const { pod, lease, path, client } = upgrade;
    const { events, limits, share, store } = this.#parts;
    const claims = claimsOf(upgrade, limits);
    const answer = await store.acquire(claims, lease, this.#options.reserveMs, path, client);
    if (!answer.ok) return answer;
    const { admitted, count, ended, limit = claims[0].limit } = answer.value;
    const take = (): Verdict => {
      if (ended) return denial(upgrade, 'ENDED');
      events.mustHold('denied-below-limit', admitted || count >= limit);
      share.counted(pod, count);
      return admitted ? { admitted, counted: true, pod, lease } : denial(upgrade, 'LIMIT_EXCEEDED');
    };
    return { ok: true, value: take };
  }

  async #place(upgrade: PlacedUpgrade): Promise<Answer<Take>> {
    const { service, lease, path, client, key } = upgrade;
    const { enrolment, ledger, presence, services, share, store } = this.#parts;
    const choice = services.choice(service, key);
    const ask = () => store.place(service, lease, this.#options.reserveMs, path, client, choice);
    let answer = await ask();
    if (answer.ok && !answer.value.placed && answer.value.why === 'unknown') {
      await enrolment.tell(service, true);
      if (!this.#abandoned.has(upgrade)) answer = await ask();
    }
    if (!answer.ok) return answer;
    const { value } = answer;
    const take = (): Verdict => {
      if (!value.placed) return denial(upgrade, value.why === 'ended' ? 'ENDED' : 'LIMIT_EXCEEDED');
      const { pod, count, others = [] } = value;
      share.counted(pod, count);
      if (presence.asks(pod, lease)) return { admitted: true, counted: true, pod, lease, others };
      ledger.releases.withdraw(pod, lease);
      return denial(upgrade, 'TOO_MANY_NAMES');
    };
    return { ok: true, value: take };
  }

  #noteRefusal(detail: string | undefined): void {
    if (detail === this.#refusal) return;
    this.#refusal = detail;
    this.#parts.events.emit('refused', detail);
  }

  #decideAlone(upgrade: AnyUpgrade, reason: DenialReason): Verdict {
    const { lease } = upgrade;
    const { ledger, limits, services, share } = this.#parts;
    const choose = ({ service, key }: PlacedUpgrade) => {
      const limited = [...services.pods(service).keys()].map((pod) => [pod, limits.of(pod)] as const);
      return share.choose(limited, lease, services.choice(service, key), services.order(service));
    };
    const pod = 'pod' in upgrade ? upgrade.pod : choose(upgrade);
    if (!pod) return denial(upgrade, reason);
    const fromShare = () => share.admit(pod, limits.of(pod), lease);
    if (!admitWithoutStore(this.#options.outage, fromShare)) return denial(upgrade, reason);
    ledger.renewals.expect({ ...upgrade, pod });
    return { admitted: true, counted: false, pod, lease };
  }
}

function denial(upgrade: AnyUpgrade, reason: DenialReason): Verdict {
  const { lease } = upgrade;
  return 'pod' in upgrade ? { admitted: false, reason, pod: upgrade.pod, lease } : { admitted: false, reason, lease };
}
