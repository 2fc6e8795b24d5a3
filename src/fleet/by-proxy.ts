/** What each proxy holds of these pods, together. */

import type { ProxyId } from '../admission/ids.ts';
import type { PodCount } from '../admission/lease-store.ts';
import { tally } from '../admission/tally.ts';

export function byProxy(pods: readonly Pick<PodCount, 'proxies'>[]): Map<ProxyId, number> {
  const counts = new Map<ProxyId, number>();
  for (const { proxies } of pods) for (const [proxy, held] of proxies) tally(counts, proxy, held);
  return counts;
}
