/** In which order pods are listed. */

import { byFullness } from '../src/fleet/fullest.ts';
import type { PodFigures } from './merge.ts';

export type PodColumn = 'pod' | 'connections' | 'fullness';

export interface PodOrder {
  readonly by: PodColumn;
  readonly descending: boolean;
}

/** Those with the least room are what somebody should look at. */
export const FULLEST_FIRST: PodOrder = { by: 'fullness', descending: true };

const ASCENDING: Readonly<Record<PodColumn, (a: PodFigures, b: PodFigures) => number>> = {
  pod: (a, b) => NAMES.compare(a.pod, b.pod),
  connections: (a, b) => a.connections - b.connections,
  fullness: (a, b) => byFullness(b, a),
};

/** `pod-9` comes before `pod-10`. */
const NAMES = new Intl.Collator('en', { numeric: true });

export function inOrder(pods: readonly PodFigures[], { by, descending }: PodOrder): PodFigures[] {
  const compare = ASCENDING[by];
  return pods.toSorted((a, b) => (descending ? compare(b, a) : compare(a, b)));
}

/** After a click on a column: names from the start of the alphabet, figures from the highest; a second click turns it. */
export function orderAfter(before: PodOrder, by: PodColumn): PodOrder {
  return { by, descending: before.by === by ? !before.descending : by !== 'pod' };
}
