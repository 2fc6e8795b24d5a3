/** What becomes of an upgrade while the store cannot be asked. This is the one place that decides it. */

/**
 * `share`: this gate's part of the room that was left (`share.ts`). `deny`: nobody gets in. `allow`: everybody does,
 * and is counted when the store is back.
 */
export type OutagePolicy = 'share' | 'deny' | 'allow';

/** Whether to admit. `fromShare` takes a slot of the gate's part, and says whether there was one. */
export function admitWithoutStore(policy: OutagePolicy, fromShare: () => boolean): boolean {
  switch (policy) {
    case 'share':
      return fromShare();
    case 'deny':
      return false;
    case 'allow':
      return true;
  }
}
