/** Whether a Redis may keep leases, and which process it is: by its answers to INFO and to a trial write. */

import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './client.ts';
import { markedProcess, processOf } from './process-name.ts';
import { isReply, isUnfit } from './replies.ts';
import type { Script } from './script.ts';
import { tryScript } from './trial.ts';

export interface Fitness {
  /** Why it must not be used. */
  readonly unfit?: string;
  /** It is the wrong server, and no failover will mend it. */
  readonly lasting?: true;
  /** What may go wrong with it later, and what it does differently. */
  readonly warning?: string;
}

export interface Prepared extends Fitness {
  /** The names of the processes that keep the leases: one of each master that tells its name. */
  readonly processes: readonly string[];
}

type Mode = 'standalone' | 'cluster';
type Info = Readonly<Record<string, string>>;

/** Older versions do not know the `#!` line with which our scripts begin. */
const VERSION_MIN = 7;

/** What a user of Redis finds wrong with what is kept there: why it must not be used, or undefined. */
export type JudgeContent = (client: RedisClient) => Promise<string | undefined>;

export interface PrepareOptions {
  readonly scripts: readonly Script[];
  readonly key: string;
  readonly judgeContent: JudgeContent | undefined;
}

/**
 * Loads the scripts into every master, and judges each, and what they keep. Rejects when one of them does not answer, or
 * answers that it takes no writes. `key`: one of ours, for what needs one.
 */
export async function prepare(client: RedisClient, { scripts, key, judgeContent }: PrepareOptions): Promise<Prepared> {
  const prepared = await prepareMasters(client, scripts, key);
  if (prepared.unfit !== undefined) return prepared;
  const unfit = await judgeContent?.(client);
  return unfit === undefined ? prepared : { ...prepared, unfit };
}

async function prepareMasters(client: RedisClient, scripts: readonly Script[], key: string): Promise<Prepared> {
  if (!(client instanceof Cluster)) return prepareOne(client, scripts, key, 'standalone');
  const nodes = await Promise.all(client.nodes('master').map((node) => prepareOne(node, scripts, key, 'cluster')));
  const processes = nodes.flatMap((node) => node.processes);
  return { ...nodes.find(({ warning }) => warning), ...nodes.find(({ unfit }) => unfit), processes };
}

/** Asks the masters of a cluster for the names of their processes. One that does not tell its own is left out. */
export async function askProcesses(cluster: Cluster): Promise<string[]> {
  const texts = await Promise.all(cluster.nodes('master').map((node) => node.info().catch(() => '')));
  return texts.map((text) => processOf(fieldsOf(text))).filter((name) => name !== undefined);
}

async function prepareOne(redis: Redis, scripts: readonly Script[], key: string, mode: Mode): Promise<Prepared> {
  const asked = redis.info().catch(ifRefused(undefined));
  const stateAsked = mode === 'cluster' ? redis.cluster('INFO').then(String).catch(ifRefused(undefined)) : '';
  const loads = scripts.map(({ source }) => redis.script('LOAD', source).then(() => true, ifRefused(false)));
  const tried = tryScript(redis, key);
  const answers = await Promise.allSettled([asked, stateAsked, tried, ...loads]);
  const info = fieldsOf((await asked) ?? '');
  const judged = judge(info, mode);
  if (judged.unfit !== undefined) return { ...judged, processes: [] };
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  const unable = await tried;
  if (unable !== undefined) return { unfit: unable, lasting: true, processes: [] };
  const state = await stateAsked;
  if (state !== undefined && fieldsOf(state).cluster_state === 'fail') {
    return { unfit: 'CLUSTERDOWN: a part of the cluster is away', processes: [] };
  }
  const name = processOf(info) ?? (mode === 'standalone' ? await markedProcess(redis, key) : undefined);
  const warnings = [
    judged.warning,
    namelessness(info, name),
    (await Promise.all(loads)).includes(false)
      ? 'SCRIPT LOAD is refused: a script is sent when it is first needed'
      : '',
    state === undefined ? 'CLUSTER INFO is refused: only refused calls show that a part of the cluster is away' : '',
  ].filter((text) => text);
  return {
    ...(warnings.length > 0 ? { warning: warnings.join('; ') } : {}),
    processes: name === undefined ? [] : [name],
  };
}

/** `name`: what the process is called instead. */
function namelessness(info: Info, name: string | undefined): string | undefined {
  if (processOf(info) !== undefined) return undefined;
  const noticed = name === undefined ? 'is not noticed' : 'is noticed by a script that is gone then';
  return `INFO tells no run_id: a restart or failover with old data ${noticed} (docs/redis.md)`;
}

/** For an answer that can be done without. A broken connection is none, and neither is a server that cannot answer now. */
function ifRefused<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (isReply(error) && !isUnfit(error.message)) return instead;
    throw error;
  };
}

/** `info` is the answer to INFO, by field. What is missing there makes it neither unfit nor unsafe. */
export function judge(info: Info, wanted: Mode): Fitness {
  const { redis_version: version, role } = info;
  const mode = info.redis_mode ?? info.server_mode ?? wanted;
  if (mode === 'sentinel') {
    return { unfit: 'this is a Sentinel: store.url has to be redis+sentinel://…/master-name', lasting: true };
  }
  if (mode === 'cluster' && wanted !== 'cluster') {
    return { unfit: 'this is a node of a Redis Cluster: store.url has to begin with redis+cluster://', lasting: true };
  }
  if (version !== undefined && Number.parseInt(version, 10) < VERSION_MIN) {
    return { unfit: `this is Redis ${version}: it has to be ${VERSION_MIN}.0 or newer`, lasting: true };
  }
  if (role === 'slave') return { unfit: 'READONLY: this is a replica, and leases are written to the master' };
  const warning = evictionOf(info);
  return warning === undefined ? {} : { warning };
}

/** volatile-… policies evict only keys with a time to live: of ours, those of ended leases and of broken log streams. */
function evictionOf({ maxmemory, maxmemory_policy: policy }: Info): string | undefined {
  if (maxmemory === '0' || policy === 'noeviction') return undefined;
  if (policy === undefined) return 'INFO tells no maxmemory-policy: make sure that it is noeviction';
  const what = policy.startsWith('allkeys-') ? 'leases' : 'what gates tell each other of closes and of broken logs';
  return `maxmemory-policy is ${policy}: Redis will forget ${what} when its memory is full; set noeviction`;
}

/** The `name:value` lines of INFO and CLUSTER INFO. */
export function fieldsOf(text: string): Record<string, string> {
  const pairs = text.split('\r\n').map((line) => /^(\w+):(.*)$/.exec(line));
  return Object.fromEntries(pairs.filter((pair) => pair !== null).map(([, name, value]) => [name, value]));
}
