/** A real Redis Cluster for a test: redis-server processes, put together by redis-cli. */

import { execFile } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort, until } from '../fleet/processes.ts';
import { isInStep, type RedisServer, type ServerTls, startRedis } from './server.ts';

/** After so long without an answer a node counts as dead. Lower, a busy machine makes its neighbours err. */
const NODE_TIMEOUT_MS = 1000;
const BETWEEN_KEYS_MS = 30;

export class RedisCluster {
  readonly nodes: readonly RedisServer[];

  private constructor(nodes: readonly RedisServer[]) {
    this.nodes = nodes;
  }

  static async start(options: { replicasEach?: number; tls?: ServerTls } = {}): Promise<RedisCluster> {
    const { replicasEach = 0, tls } = options;
    const masters = 3;
    const nodes = await Promise.all(Array.from({ length: masters * (1 + replicasEach) }, () => startNode(tls)));
    const addresses = nodes.map(({ port, tlsPort }) => `127.0.0.1:${tlsPort || port}`);
    const create = ['--cluster', 'create', ...addresses, '--cluster-replicas', String(replicasEach), '--cluster-yes'];
    const secure = tls ? ['--tls', '--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key] : [];
    await promisify(execFile)('redis-cli', [...secure, ...create]);
    await until('every node sees the cluster whole', async () => {
      const infos = await Promise.all(nodes.map(({ client }) => client.cluster('INFO')));
      return infos.every((info) => String(info).includes('cluster_state:ok'));
    });
    await until('every replica is in step', async () => {
      const inStep = await Promise.all(nodes.map(isInStep));
      return inStep.filter(Boolean).length === masters * replicasEach;
    });
    return new RedisCluster(nodes);
  }

  /** For wsgate, with a node that is none beside two that are. */
  get url(): string {
    const [first, second] = this.nodes;
    return `redis+cluster://127.0.0.1:1,127.0.0.1:${first?.port},127.0.0.1:${second?.port}`;
  }

  /** The same over TLS, by name. */
  get tlsUrl(): string {
    return `rediss+cluster://${this.nodes.map(({ tlsPort }) => `localhost:${tlsPort}`).join(',')}`;
  }

  async masterOf(key: string): Promise<RedisServer> {
    const { port } = await this.#owner(await this.#any((node) => node.client.cluster('KEYSLOT', key)));
    return this.#at(port);
  }

  /** A master that has other slots than the key's. */
  async otherMaster(key: string): Promise<RedisServer> {
    const { port } = await this.masterOf(key);
    const other = (await this.#slots()).find((range) => range.port !== port);
    if (!other) throw new Error('there is only one');
    return this.#at(other.port);
  }

  /** Once it is in step. */
  async replicaOf({ port }: RedisServer): Promise<RedisServer> {
    let found: RedisServer | undefined;
    await until('there is a replica in step', async () => {
      for (const node of this.nodes) {
        const info = await node.client.info('replication');
        if (info.includes(`master_port:${port}`) && info.includes('master_link_status:up')) found = node;
      }
      return found !== undefined;
    });
    if (!found) throw new Error(`${port} has no replica`);
    return found;
  }

  async flush(): Promise<void> {
    const ports = new Set((await this.#slots()).map(({ port }) => port));
    await Promise.all([...ports].map((port) => this.#at(port).client.flushall()));
  }

  /**
   * Moves the slot of a key as a reshard does, one key at a time, so that every state between is there for a while.
   * `beforeLast` is for when the keys have moved, and the slot not yet.
   */
  async moveSlot(key: string, to: RedisServer, beforeLast = async () => {}): Promise<void> {
    const from = await this.masterOf(key);
    const slot = await to.client.cluster('KEYSLOT', key);
    const [fromId, toId] = [String(await from.client.cluster('MYID')), String(await to.client.cluster('MYID'))];
    await to.client.cluster('SETSLOT', slot, 'IMPORTING', fromId);
    await from.client.cluster('SETSLOT', slot, 'MIGRATING', toId);
    for (;;) {
      const [next] = await from.client.cluster('GETKEYSINSLOT', slot, 1);
      if (next === undefined) break;
      await from.client.migrate('127.0.0.1', to.port, String(next), 0, 5000);
      await setTimeout(BETWEEN_KEYS_MS);
    }
    await beforeLast();
    for (const node of [to, from]) await node.client.cluster('SETSLOT', slot, 'NODE', toId);
    await until('every node knows', async () => {
      const views = await Promise.all(this.nodes.map((node) => node.client.cluster('SLOTS')));
      return views.map(rangesOf).every((view) => view.some((range) => has(range, slot) && range.port === to.port));
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Asks a node that is not stopped or dead. */
  #any<T>(ask: (node: RedisServer) => Promise<T>): Promise<T> {
    return Promise.any(this.nodes.map(ask));
  }

  async #slots(): Promise<SlotRange[]> {
    return rangesOf(await this.#any((node) => node.client.cluster('SLOTS')));
  }

  async #owner(slot: number): Promise<SlotRange> {
    const owner = (await this.#slots()).find((range) => has(range, slot));
    if (!owner) throw new Error(`nobody has slot ${slot}`);
    return owner;
  }

  #at(port: number): RedisServer {
    const node = this.nodes.find((each) => each.port === port);
    if (!node) throw new Error(`no node at ${port}`);
    return node;
  }
}

interface SlotRange {
  readonly first: number;
  readonly last: number;
  /** The master's. */
  readonly port: number;
}

function rangesOf(slots: readonly (readonly unknown[])[]): SlotRange[] {
  return slots.map(([first, last, master]) => ({
    first: Number(first),
    last: Number(last),
    port: Array.isArray(master) ? Number(master[1]) : 0,
  }));
}

function has({ first, last }: SlotRange, slot: number): boolean {
  return first <= slot && slot <= last;
}

async function startNode(tls: ServerTls | undefined): Promise<RedisServer> {
  const bus = ['--cluster-port', String(await freePort())]; // by default 10,000 above the port, which may be none
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS), ...bus];
  return startRedis(tls ? { tls, args: [...args, '--tls-cluster', 'yes'] } : { args });
}
