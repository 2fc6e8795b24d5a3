/** Whether a Redis may keep leases, and which process it is: by its answers to INFO and to a trial write. */

import { randomUUID } from 'node:crypto';
import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './client.ts';
import { loadScript, type Script } from './script.ts';

export interface Fitness {
  /** Why it must not be used. */
  readonly unfit?: string;
  /** What may go wrong with it later. */
  readonly warning?: string;
}

export interface Prepared extends Fitness {
  /** The names of the processes that keep the leases: one of each master. */
  readonly processes: readonly string[];
}

const writable = loadScript('writable', import.meta.url);
/** Older versions do not know the `#!` line with which our scripts begin. */
const VERSION_MIN = 7;

/** What a user of Redis finds wrong with what is kept there: why it must not be used, or undefined. */
export type JudgeContent = (client: RedisClient) => Promise<string | undefined>;

/**
 * Loads the scripts into every master, and judges each, and what they keep. Rejects when one of them does not answer, or
 * answers that it takes no writes.
 */
export async function prepare(
  client: RedisClient,
  scripts: readonly Script[],
  judgeContent: JudgeContent | undefined,
): Promise<Prepared> {
  const prepared = await prepareMasters(client, scripts);
  if (prepared.unfit !== undefined) return prepared;
  const unfit = await judgeContent?.(client);
  return unfit === undefined ? prepared : { ...prepared, unfit };
}

async function prepareMasters(client: RedisClient, scripts: readonly Script[]): Promise<Prepared> {
  if (!(client instanceof Cluster)) return prepareOne(client, scripts, 'standalone');
  const nodes = await Promise.all(client.nodes('master').map((node) => prepareOne(node, scripts, 'cluster')));
  const processes = nodes.flatMap((node) => node.processes);
  return { ...nodes.find(({ warning }) => warning), ...nodes.find(({ unfit }) => unfit), processes };
}

/** Asks the masters of a cluster for the names of their processes. One that does not answer is left out. */
export async function askProcesses(cluster: Cluster): Promise<string[]> {
  const texts = await Promise.all(cluster.nodes('master').map((node) => node.info().catch(() => '')));
  return texts.map((text) => processOf(fieldsOf(text))).filter((name) => name !== undefined);
}

/**
 * The name of a Redis process as the keeper of its data. It changes with a restart, and whenever the process takes over
 * from a master: what it keeps is then not what it kept before.
 */
function processOf({ run_id: run, master_replid: replication }: Readonly<Record<string, string>>): string | undefined {
  return run === undefined ? undefined : `${run}:${replication}`;
}

/** Whether both names are of one process, even if it took over between. One without a name may be any process. */
export function isSameProcess(one: string | undefined, other: string | undefined): boolean {
  const [run] = one?.split(':') ?? [];
  const isUnknown = (name: string | undefined) => name === undefined || !name.includes(':');
  return isUnknown(one) || isUnknown(other) || run === other?.split(':')[0];
}

async function prepareOne(redis: Redis, scripts: readonly Script[], mode: 'standalone' | 'cluster'): Promise<Prepared> {
  const asked = redis.info().catch(() => ''); // an ACL may forbid it; then nothing is known
  const state = mode === 'cluster' ? redis.cluster('INFO') : Promise.resolve('');
  const loading = scripts.map(({ source }) => redis.script('LOAD', source));
  const loaded = Promise.allSettled([state, ...loading, redis.eval(writable.source, 0)]);
  const info = fieldsOf(await asked);
  // Without a name, each connection may be to another process.
  const fitness = { ...judge(info, mode), processes: [processOf(info) ?? randomUUID()] };
  if (fitness.unfit !== undefined) return fitness;
  for (const result of await loaded) if (result.status === 'rejected') throw result.reason;
  const { cluster_state: whole } = fieldsOf(String(await state));
  return whole === 'fail' ? { ...fitness, unfit: 'CLUSTERDOWN: a part of the cluster is away' } : fitness;
}

/** `info` is the answer to INFO, by field. What is missing there makes it neither unfit nor unsafe. */
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
  // volatile-… policies evict only keys with a time to live: of ours, those of ended leases and of broken log streams.
  if (maxmemory !== '0' && policy !== 'noeviction' && policy !== '') {
    const what = policy.startsWith('allkeys-') ? 'leases' : 'what gates tell each other of closes and of broken logs';
    return {
      warning: `maxmemory-policy is ${policy}: Redis will forget ${what} when its memory is full; set noeviction`,
    };
  }
  if (info.run_id === undefined) {
    return { warning: 'it does not answer INFO: each connection to it counts as one to a Redis that lost leases' };
  }
  return {};
}

/** The `name:value` lines of INFO and CLUSTER INFO. */
export function fieldsOf(text: string): Record<string, string> {
  const pairs = text.split('\r\n').map((line) => /^(\w+):(.*)$/.exec(line));
  return Object.fromEntries(pairs.filter((pair) => pair !== null).map(([, name, value]) => [name, value]));
}
