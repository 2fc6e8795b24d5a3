/**
 * How many files this process may have open, and how many its bounds on connections come to. Each connection is a file;
 * without one left, no new connection is accepted: neither an Envoy's nor a scrape's.
 */

import { readFileSync } from 'node:fs';
import type { Config } from './config/schema.ts';

/** Beside connections: Redis, files, and what Node itself has open. */
const OTHERS = 100;

/** Held streams and Checks share an Envoy's connections, so they do not count. */
export function openFilesNeeded({ listen, http, hub }: Pick<Config, 'listen' | 'http' | 'hub'>): number {
  const clients = hub.enabled ? hub.clientsMax : 0; // once they are WebSockets, http.connectionsMax has room for others
  return listen.connectionsMax + http.connectionsMax + clients + OTHERS;
}

/** The soft limit, which Node raises to the hard one when it starts. Undefined where the system does not tell. */
export function openFilesMax(): number | undefined {
  try {
    const max = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return max === undefined ? undefined : Number(max);
  } catch {
    return undefined; // no Linux
  }
}
