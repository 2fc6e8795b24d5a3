/**
 * The Lua scripts: one file an operation, read once, and known to Redis by the SHA-1 of their text.
 *
 * All that write what is true already have `flags=allow-oom` (Redis 7.0): a Redis whose memory is full has to learn
 * which connections are open and which are gone all the same, or it would end the leases of open ones. Only `acquire`
 * is refused then.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly name: string;
  readonly source: string;
  readonly sha: string;
}

/** `folder`: a URL beside the file, `import.meta.url` of who asks. Throws when there is no such file. */
export function loadScript(name: string, folder: string): Script {
  const source = readFileSync(new URL(`./${name}.lua`, folder), 'utf8');
  return { name, source, sha: createHash('sha1').update(source).digest('hex') };
}

const load = (name: string) => loadScript(name, import.meta.url);

export const scripts = {
  acquire: load('acquire'),
  renew: load('renew'),
  release: load('release'),
  withdraw: load('withdraw'),
  expire: load('expire'),
  lapsed: load('lapsed'),
  expiries: load('expiries'),
  snapshot: load('snapshot'),
  leases: load('leases'),
  rollCall: load('roll_call'),
  enroll: load('enroll'),
  strike: load('strike'),
  wholeSince: load('whole_since'),
  outage: load('outage'),
  leave: load('leave'),
  tell: load('tell'),
  promised: load('promised'),
  hears: load('hears'),
  writable: load('writable'),
};
