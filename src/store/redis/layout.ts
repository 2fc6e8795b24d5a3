/**
 * The layout of the keys, as a number in the store itself. Gates of two layouts on one store would take each other's
 * leases for something else, so a gate does not use a store of another layout. It looks whenever it connects.
 */

import type { RedisClient } from '../../redis/client.ts';
import { loadScript } from '../../redis/script.ts';

/**
 * Goes up with a change after which a gate of the last version, beside one of this version, would count, keep or free a
 * lease wrongly. docs/releases.md says what else such a change needs.
 */
export const LAYOUT = 1;

const layout = loadScript('layout', import.meta.url);

/** Why this store must not be used; undefined if it may. `key`: where the layout is noted. */
export async function judgeLayout(redis: RedisClient, key: string): Promise<string | undefined> {
  const found = String(await redis.eval(layout.source, 1, key, LAYOUT));
  if (found === String(LAYOUT)) return undefined;
  return (
    `its leases have layout ${found}, and this version of wsgate has layout ${LAYOUT}: ` +
    'run the version of the other gates, or set another store.prefix (docs/releases.md)'
  );
}
