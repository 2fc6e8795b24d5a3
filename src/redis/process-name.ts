/**
 * Which Redis process keeps the data, by a name that changes with a restart, and whenever the process takes over from a
 * master: what it keeps is then not what it kept before.
 *
 * INFO tells it. Where it does not, the process gets a mark: a script that only this process has been told, and whose
 * number is kept beside the leases. Scripts are in no file and go to no replica (since Redis 7.0), and the number is in
 * both. So a process that does not know the script of the number that it keeps is another one than that which kept the
 * data last, and gets another mark. Any gate finds the mark that is there; none invents one for a process that has one.
 */

import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { hasCode } from './replies.ts';
import { loadScript } from './script.ts';

const mark = loadScript('mark', import.meta.url);
const MARKED = ':mark';
/** Gates that start together may each give a mark; one of them stays. */
const ATTEMPTS = 3;

/** From the fields of INFO. */
export function processOf({ run_id: run, master_replid: replication }: Readonly<Record<string, string>>) {
  return run === undefined ? undefined : `${run}:${replication}`;
}

/** Whether both names are of one process, even if it took over between. One without a name may be any process. */
export function isSameProcess(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return true;
  return one.split(':')[0] === other.split(':')[0];
}

/** Whether the name is a mark: nothing but asking again tells that the process has been replaced. */
export function isMarked(name: string | undefined): boolean {
  return name?.endsWith(MARKED) === true;
}

/**
 * The name of a process by its mark; it gets one if it has none. `known`: its last name. Undefined for a server that
 * remembers no scripts. Rejects with Redis's error.
 */
export async function markedProcess(redis: Redis, key: string, known?: string): Promise<string | undefined> {
  if (known !== undefined && (await isMarkedWith(redis, key, known))) return known;
  let name = await keep(redis, key, '', '');
  for (let i = 0; i < ATTEMPTS; i += 1) {
    if (name !== '' && (await isMarkedWith(redis, key, name))) return name;
    const given = `${randomUUID()}${MARKED}`;
    await redis.eval(sourceOf(given), 1, key);
    name = await keep(redis, key, name, given);
  }
  return undefined;
}

/** Makes `given` the number that is kept, if that is `before`; answers with the one that is kept then. */
async function keep(redis: Redis, key: string, before: string, given: string): Promise<string> {
  return String(await redis.eval(mark.source, 1, key, before, given));
}

async function isMarkedWith(redis: Redis, key: string, name: string): Promise<boolean> {
  const sha = createHash('sha1').update(sourceOf(name)).digest('hex');
  try {
    return (await redis.evalsha(sha, 1, key)) === 1;
  } catch (error) {
    if (hasCode(error, 'NOSCRIPT')) return false;
    throw error;
  }
}

/** Tells whether the mark is the one that is kept. */
function sourceOf(name: string): string {
  return `return redis.call('HGET', KEYS[1], 'mark') == '${name}'`;
}
