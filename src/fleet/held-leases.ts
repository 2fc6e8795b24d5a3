/** Which connections of a pod can be closed from here, and how they are asked to close at a pace. */

import type { LeaseId, PodId } from '../admission/ids.ts';
import type { Answer, LeaseStore } from '../admission/lease-store.ts';

/** The store reads a whole pod for each page: few and large ones. */
const PAGE = 5000;
const SECOND_MS = 1000;

export interface HeldLeases {
  /** A stream has been held for each. */
  readonly held: readonly LeaseId[];
  /** How many others there are: nobody can close these. */
  readonly unheld: number;
}

export async function readHeld(
  store: LeaseStore,
  pod: PodId,
  isWanted: (lease: LeaseId) => boolean = () => true,
): Promise<Answer<HeldLeases>> {
  const held: LeaseId[] = [];
  let unheld = 0;
  let after: LeaseId | undefined;
  do {
    const answer = await store.leases(pod, PAGE, after);
    if (!answer.ok) return answer;
    for (const each of answer.value.leases) {
      if (!isWanted(each.lease)) continue;
      if (each.held) held.push(each.lease);
      else unheld += 1;
    }
    after = answer.value.next;
  } while (after !== undefined);
  return { ok: true, value: { held, unheld } };
}

/** Asks for all of them, the first at once: the gates that hold their streams close so many a second. */
export function closeAtPace(
  store: LeaseStore,
  leases: readonly { readonly pod: PodId; readonly lease: LeaseId }[],
  rate: number,
  reason: string,
): Promise<Answer<void>> {
  return store.askToClose(leases.map((each, i) => ({ ...each, reason, inMs: (i * SECOND_MS) / rate })));
}
