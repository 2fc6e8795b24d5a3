/** Whether a Redis that answers may keep leases, from what it says of itself. */

import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './client.ts';
import { scripts } from './scripts.ts';

export interface Fitness {
  /** Why it must not be used. */
  readonly unfit?: string;
  /** What may go wrong with it later. */
  readonly warning?: string;
}

/** Our scripts begin with a `#!` line, which older ones do not know. */
const VERSION_MIN = 7;

/**
 * Loads the scripts into every master, and looks at each. Rejects when one of them cannot be asked, or answers that it
 * takes no writes.
 */
export async function prepare(client: RedisClient): Promise<Fitness> {
  if (!(client instanceof Cluster)) return prepareOne(client, 'standalone');
  const nodes = await Promise.all(client.nodes('master').map((node) => prepareOne(node, 'cluster')));
  return { ...nodes.find(({ warning }) => warning), ...nodes.find(({ unfit }) => unfit) };
}

async function prepareOne(redis: Redis, mode: 'standalone' | 'cluster'): Promise<Fitness> {
  const asked = redis.info().catch(() => ''); // an ACL may forbid it: what it would have said is then not known
  const state = mode === 'cluster' ? redis.cluster('INFO') : Promise.resolve('');
  const loading = Object.values(scripts).map(({ source }) => redis.script('LOAD', source));
  const loaded = Promise.allSettled([state, ...loading, redis.eval(scripts.writable.source, 0)]);
  const fitness = judge(fieldsOf(await asked), mode);
  if (fitness.unfit !== undefined) return fitness;
  for (const result of await loaded) if (result.status === 'rejected') throw result.reason;
  const { cluster_state: whole } = fieldsOf(String(await state));
  return whole === 'fail' ? { unfit: 'CLUSTERDOWN: a part of the cluster is away' } : fitness;
}

/** `info` is the answer to INFO, by field. What it lacks is not held against the Redis. */
export function judge(info: Readonly<Record<string, string>>, wanted: 'standalone' | 'cluster'): Fitness {
  const { redis_version: version, role, maxmemory = '0', maxmemory_policy: policy = '' } = info;
  const mode = info.redis_mode ?? info.server_mode ?? wanted;
  if (mode === 'sentinel') return { unfit: 'this is a Sentinel: store.url has to be redis+sentinel://…/master-name' };
  if (mode === 'cluster' && wanted !== 'cluster') {
    return { unfit: 'this is a node of a Redis Cluster: store.url has to begin with redis+cluster://' };
  }
  if (version !== undefined && Number.parseInt(version, 10) < VERSION_MIN) {
    return { unfit: `this is Redis ${version}: it has to be ${VERSION_MIN}.0 or newer` };
  }
  if (role === 'slave') return { unfit: 'READONLY: this is a replica, and leases are written to the master' };
  // Others evict only keys with a time to live, and none of ours has one.
  if (maxmemory !== '0' && policy.startsWith('allkeys-')) {
    return {
      warning: `maxmemory-policy is ${policy}: Redis will forget leases when its memory is full; set noeviction`,
    };
  }
  return {};
}

/** The `name:value` lines of INFO and CLUSTER INFO. */
export function fieldsOf(text: string): Record<string, string> {
  const pairs = text.split('\r\n').map((line) => /^(\w+):(.*)$/.exec(line));
  return Object.fromEntries(pairs.filter((pair) => pair !== null).map(([, name, value]) => [name, value]));
}
