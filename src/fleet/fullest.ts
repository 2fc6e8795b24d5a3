/** Which pods are listed where not all can be. No module of Node's: the dashboard imports it. */

/** A message of 10,000 pods for each client would be more than a page can show. */
export const LISTED_MAX = 1000;

interface Occupancy {
  readonly connections: number;
  readonly limit: number;
}

/** From 0, and beyond 1 for a pod over its limit. */
export function shareOf({ connections, limit }: Occupancy): number {
  return connections === 0 ? 0 : connections / limit;
}

/** Those with the least room first. */
export function byFullness(a: Occupancy, b: Occupancy): number {
  return shareOf(b) - shareOf(a) || b.connections - a.connections;
}

export function fullest<Pod extends Occupancy>(pods: readonly Pod[]): Pod[] {
  return pods.toSorted(byFullness).slice(0, LISTED_MAX);
}
