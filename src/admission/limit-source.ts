/** Where limits come from. Whoever needs one asks for it when it is enforced, and keeps it no longer. */

import type { PodId } from './ids.ts';

export interface LimitSource {
  /** Another one after each change of a limit: whoever keeps what was made from limits compares it. */
  readonly version: number;

  /** The maximum number of leases of the pod: an override that this gate knows of, or the configured limit. */
  of(pod: PodId): number;

  /** The limit of the configuration: what the store is asked with, which knows the override. */
  configured(pod: PodId): number;

  /** Whether somebody wants no new connections there. */
  isCordoned(pod: PodId): boolean;

  /** The pods that have a limit of their own, by name. */
  named(): Iterable<PodId>;
}
