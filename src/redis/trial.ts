/** A trial of what wsgate does with Redis: a script that may write. */

import type { Redis } from 'ioredis';
import { codeOf, hasCode, isReply } from './replies.ts';
import { loadScript } from './script.ts';

const writable = loadScript('writable', import.meta.url);

/**
 * Resolves to why this server can never run our scripts, if so. Rejects when it does not answer, and with its answer when
 * that is for now only, as on a replica.
 */
export async function tryScript(redis: Redis, key: string): Promise<string | undefined> {
  try {
    await evalOn(redis, writable.source, key);
  } catch (error) {
    if (!isReply(error) || codeOf(error.message)) throw error;
    const runsOthers = await evalOn(redis, 'return 1', key).then(
      () => true,
      () => false,
    );
    const what = runsOthers ? 'scripts with a first line "#!lua flags=…", as Redis 7.0 and newer do' : 'scripts';
    return `it does not run ${what}; it says: ${error.message}`;
  }
  return undefined;
}

/** With a key, because some services refuse scripts without one; without, where the key belongs to another master. */
async function evalOn(redis: Redis, source: string, key: string): Promise<void> {
  try {
    await redis.eval(source, 1, key);
  } catch (error) {
    if (!hasCode(error, 'MOVED', 'ASK')) throw error;
    await redis.eval(source, 0);
  }
}
