/** The parts of the domain that know each other. `domain.ts` puts them together; each class keeps them as one field. */

import type { Events } from './events.ts';
import type { Evidence } from './evidence.ts';
import type { Holdings } from './holdings.ts';
import type { LeaseStore } from './lease-store.ts';
import type { LimitSource } from './limit-source.ts';
import type { Presence } from './presence.ts';
import type { Services } from './services.ts';
import type { Share } from './share.ts';
import type { Standing } from './standing.ts';

export interface Parts {
  readonly store: LeaseStore;
  readonly limits: LimitSource;
  readonly services: Services;
  readonly events: Events;
  readonly standing: Standing;
  readonly share: Share;
  readonly evidence: Evidence;
  /** Of the connections in the ledger. */
  readonly holdings: Holdings;
  readonly presence: Presence;
}
