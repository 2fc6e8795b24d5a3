/** Which store a gate has, by the configuration, and what starting and stopping mean for it. */

import type { Logger } from 'pino';
import type { LeaseStore } from '../admission/lease-store.ts';
import type { Config } from '../config/schema.ts';
import { readPems } from '../net/pem-files.ts';
import type { LinkEvents } from '../redis/link.ts';
import { LeaseFile } from '../store/file/lease-file.ts';
import { MemoryStore } from '../store/memory.ts';

export interface OpenedStore {
  readonly leases: LeaseStore;
  /** The gate has started. */
  serves(): void;
  /** Nothing changes in the store any more. `inOrder`: all that the gate knew has been written to it. */
  stop(inOrder: boolean): Promise<void>;
  /** The gate has not started. */
  giveBack(): Promise<void>;
}

export async function openStore({ store, lease }: Config, log: Logger, events: LinkEvents): Promise<OpenedStore> {
  const { url, tls, file, ...rest } = store;
  if (!url) return file === undefined ? alone(new MemoryStore(steadyTime)) : openFile(file, lease.ttl, log);
  const { openRedisStore } = await import('../store/redis/open.ts');
  return alone(openRedisStore({ ...rest, url, ...(tls ? { tls: readPems('store.tls', tls) } : {}) }, events));
}

/** A store that needs nothing beside it. */
function alone(leases: LeaseStore): OpenedStore {
  return { leases, serves: () => {}, stop: () => leases.close(), giveBack: () => leases.close() };
}

async function openFile(path: string, ttlMs: number, log: Logger): Promise<OpenedStore> {
  const file = await LeaseFile.open({ path, ttlMs, log });
  const leases = new MemoryStore(steadyTime, file.remembered);
  return {
    leases,
    serves: () => file.follow(leases),
    stop: (inOrder) => file.stop(leases, inOrder),
    giveBack: () => file.giveBack(),
  };
}

/** Milliseconds since the epoch, by a clock that nobody sets. */
function steadyTime(): number {
  return performance.timeOrigin + performance.now();
}
