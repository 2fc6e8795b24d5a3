/** The user of `docs/redis.md`: allowed all that is needed, and nothing that is not. */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisCluster } from '../../lab/redis/cluster.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { openStore } from '../../lab/redis/store.ts';
import { claims } from '../support/claims.ts';
import { gone, TIMES } from '../support/expire.ts';
import { leasesOf, pod1, podsOf, proxyA, serviceId } from '../support/names.ts';

const docs = readFileSync(new URL('../../docs/redis.md', import.meta.url), 'utf8');
const [rules = [], clusterRules = []] = [...docs.matchAll(/^ACL SETUSER wsgate (.*)$/gm)].map(([, line]) =>
  String(line).split(' '),
);
const needed = rules.filter((rule) => /^[+~]/.test(rule));
/** Only sent to nodes that are replicas. */
const forReplicas = ['+readonly', '+readwrite'];

const notMoved = async () => {};

/** Does all that a gate ever asks of its store, whatever comes of it. */
async function useAll(url: string, move: (whileMoving: () => Promise<void>) => Promise<void>): Promise<void> {
  const store = await openStore(url.replace('://', '://wsgate:change-me@'), { upWithinMs: 1000 });
  const [lease, other] = leasesOf(proxyA, 2);
  if (!lease || !other) throw new Error('no leases');
  const about = { version: '1.2.3', node: '24.0.0', startedMs: 1 };
  const beat = { gate: 'g', about, proxies: [proxyA], pods: [pod1], gateSilentMs: 1, proxySilentMs: 1 };
  const holder = { state: 'live', path: '/' } as const;
  await store.acquire(claims(pod1, 9), lease, 1, '/');
  await store.renew(pod1, [{ lease: other, holder }], 1);
  await move(async () => {
    await store.renew(pod1, [{ lease: other, holder }], 1);
  });
  const chat = serviceId('chat');
  await store.enrol(chat, new Map(podsOf(chat, 2).map((pod) => [pod, 9])));
  await store.place(chat, lease, 1, '/');
  await store.release(chat, [lease], 0);
  await store.leases(pod1, 10);
  await store.fleet([pod1]);
  await store.heartbeat(beat);
  await store.register([proxyA]);
  await store.pods();
  await store.gates();
  const note = { action: 'limit.set', by: 'ops', pod: pod1 } as const;
  await store.override({ kind: 'limit', pod: pod1, decision: { by: 'ops', connections: 9 }, forMs: 1, note });
  await store.enforce(pod1, 1, { connections: 9, untilMs: 1 });
  await store.overrides(0);
  await store.putBack([{ kind: 'limit', pod: pod1, version: 1, atMs: 1, decision: { by: 'ops', connections: 9 } }]);
  await store.note(note);
  await store.audit(1);
  await store.askToClose([{ pod: pod1, lease, reason: 'drain', inMs: 1000 }]);
  await store.keepOpen(pod1, 'drain');
  await store.withdraw(pod1, [lease]);
  await store.release(pod1, [other], 1000);
  await store.expire(pod1, gone(proxyA), TIMES);
  await store.remove('proxies', [proxyA], 0);
  await store.leave('g');
  await store.close();
}

async function denied(...nodes: readonly RedisServer[]): Promise<string[]> {
  const logs = await Promise.all(nodes.map(({ client }) => client.acl('LOG')));
  return logs.flat().map((entry) => {
    const fields = entry as string[];
    return String(fields[fields.indexOf('object') + 1]);
  });
}

async function allow(nodes: readonly RedisServer[], allowed: readonly string[]): Promise<void> {
  for (const { client } of nodes) {
    await client.call('ACL', 'SETUSER', 'wsgate', 'reset', ...rules.filter((rule) => !/^[+~]/.test(rule)), ...allowed);
    await client.acl('LOG', 'RESET');
    await client.script('FLUSH');
  }
}

describe('the user that docs/redis.md names', () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it('is allowed all that wsgate does', async () => {
    await allow([redis], needed);
    await useAll(redis.url, notMoved);
    expect(await denied(redis)).toEqual([]);
  });

  it('needs +select for a database other than 0, and nothing else', async () => {
    expect(docs).toContain('With a database other than 0 also `+select`.');
    await allow([redis], [...needed, '+select']);
    await useAll(`${redis.url}/3`, notMoved);
    expect(await denied(redis)).toEqual([]);
  });

  it.each(needed)('needs %s', async (rule) => {
    await redis.client.flushall();
    await allow(
      [redis],
      needed.filter((other) => other !== rule),
    );
    const used = useAll(redis.url, notMoved).catch(() => {});
    await expect.poll(() => denied(redis)).not.toEqual([]);
    await used;
  });
});

describe('its part for a cluster', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster.stop());

  async function useCluster(): Promise<void> {
    const key = 'ws:pod_conn:pod1';
    const to = await cluster.otherMaster(key);
    await useAll(cluster.url, (whileMoving) => cluster.moveSlot(key, to, whileMoving));
  }

  it('is all that is needed, even while a slot is moved', async () => {
    await allow(cluster.nodes, [...needed, ...clusterRules]);
    await useCluster();
    expect(await denied(...cluster.nodes)).toEqual([]);
  });

  it.each(clusterRules.filter((rule) => !forReplicas.includes(rule)))('needs %s', async (rule) => {
    await cluster.flush();
    const others = clusterRules.filter((other) => other !== rule);
    await allow(cluster.nodes, [...needed, ...others]);
    const used = useCluster().catch(() => {});
    await expect.poll(() => denied(...cluster.nodes)).not.toEqual([]);
    await used;
  });
});
