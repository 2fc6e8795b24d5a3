/** Which pod of a service a choice means, by what one gate knows of them. The stores find the same without looking at all. */

import type { PodId } from './ids.ts';
import type { Choice, Order } from './lease-store.ts';
import { tally } from './tally.ts';

export interface PodRoom {
  readonly pod: PodId;
  readonly count: number;
  readonly room: number;
}

/** Undefined where none has room. */
export function chooseAmong(pods: readonly PodRoom[], choice: Choice, order: Order): PodId | undefined {
  const { pick, first = [] } = choice;
  const { softLimit = Number.POSITIVE_INFINITY, zones } = order;
  const open = pods.filter(({ room }) => room > 0);
  const asked = first.find((pod) => open.some((each) => each.pod === pod));
  if (asked) return asked;
  const below = open.filter(({ count }) => count < softLimit);
  const some = below.length > 0 ? below : open;
  if (pick === 'pack') return leastBy(some, ({ room }) => room)?.pod;
  const inZones = new Map<string | undefined, number>();
  if (pick === 'spread') for (const { pod, count } of pods) tally(inZones, zones?.get(pod), count);
  const zone = ({ pod }: PodRoom) => inZones.get(zones?.get(pod)) ?? 0;
  return leastBy(leastOf(some, zone), ({ room }) => -room)?.pod;
}

function leastBy(pods: readonly PodRoom[], by: (pod: PodRoom) => number): PodRoom | undefined {
  return leastOf(pods, by)[0];
}

function leastOf(pods: readonly PodRoom[], by: (pod: PodRoom) => number): PodRoom[] {
  let least = Number.POSITIVE_INFINITY;
  for (const pod of pods) least = Math.min(least, by(pod));
  return pods.filter((pod) => by(pod) === least);
}
