import type { PodId } from './ids.ts';

/** How a gate's list differs from the one that counts, which `by` has. */
export interface ListsDiffer {
  readonly by: string;
  readonly onlyHere: readonly PodId[];
  readonly onlyThere: readonly PodId[];
  /** Pods in both, with other limits. */
  readonly limits: readonly PodId[];
}
