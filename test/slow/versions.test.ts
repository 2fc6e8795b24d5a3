/**
 * The last version beside this one, on one Redis, each with an Envoy of its own: what a rolling update and a rolling
 * way back need. docs/releases.md has the promise.
 */

import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client } from '../../lab/fleet/clients.ts';
import { Fleet, type FleetOptions } from '../../lab/fleet/fleet.ts';
import type { Gate } from '../../lab/fleet/gate.ts';
import { until } from '../../lab/fleet/processes.ts';
import { passed, watch } from '../../lab/fleet/watch.ts';
import { HubClient } from '../hub/client.ts';
import { findLastVersion } from '../releases/last-version.ts';

const LIMIT = 20;
const TTL_MS = 3_000;
const FLUSH_MS = TTL_MS / 4;

const last = await findLastVersion();
if (!last.ok) console.warn(`skipped: ${last.why}`);
const LAST = last.ok ? last.main : '';
const THIS = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

let fleet: Fleet;
afterEach(() => fleet?.stop());

describe.skipIf(!last.ok).each([
  { first: 'the last version', second: 'this version', mains: [LAST, THIS] as const },
  { first: 'this version', second: 'the last version', mains: [THIS, LAST] as const },
])('$first at proxy_a, $second at proxy_b', ({ mains }) => {
  /** Gates 0 and 1, with proxies 0 and 1. */
  async function start(options: FleetOptions = {}): Promise<void> {
    const config = { limits: { default: { connections: LIMIT } }, store: { deadline: '1s' }, ...options.config };
    const fixed = { store: 'redis', gates: 2, ownGates: true, proxies: ['proxy_a', 'proxy_b'], mains } as const;
    fleet = await Fleet.start({ flushIntervalMs: FLUSH_MS, ...options, ...fixed, config });
  }

  it('share one limit, and show the same counts', async () => {
    await start();
    expect((await fleet.open(15, '/pod1/', 0)).opened).toHaveLength(15);
    const { opened, refused } = await fleet.open(15, '/pod1/', 1);
    expect(opened).toHaveLength(5);
    expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([429]));
    for (const gate of fleet.gates) {
      await expect
        .poll(() => gate.metrics())
        .toMatchObject({
          'websocket_pod_connections{pod_id="pod1"}': LIMIT,
          'websocket_proxy_connections{proxy_id="proxy_a"}': 15,
          'websocket_proxy_connections{proxy_id="proxy_b"}': 5,
        });
    }
  });

  it('renew and release the leases that the other took, when one is replaced by the other', async () => {
    await start({ config: { lease: { ttl: `${TTL_MS}ms`, recovery: '0s' } } });
    const { opened } = await fleet.open(LIMIT, '/pod1/', 0);
    await fleet.settlesAt(LIMIT);
    await fleet.endGate('SIGTERM', 0);
    const counts = watch(() => fleet.leases());
    await fleet.startGate(0, { main: mains[1] });
    await passed(2 * TTL_MS);
    expect(await counts.stop()).toEqual({ least: LIMIT, most: LIMIT });
    expect((await fleet.open(1, '/pod1/', 1)).refused.map(({ status }) => status)).toEqual([429]);
    for (const client of opened.slice(0, 8)) client.close();
    await fleet.settlesAt(LIMIT - 8, 2000);
    // Entries of the ones that live do not bring the others back.
    await passed(2 * FLUSH_MS);
    expect(await fleet.leases()).toBe(LIMIT - 8);
  });

  it('free what the other took for a proxy that died, when that gate has left', async () => {
    await start({ config: { lease: { ttl: `${TTL_MS}ms`, grace: `${TTL_MS + 1000}ms`, recovery: '0s' } } });
    await fleet.open(5, '/pod1/', 1);
    await fleet.open(10, '/pod1/', 0);
    await until('all leases are there', async () => (await fleet.leases()) === 15);
    const interval = () => fleet.redis?.client.hget('{ws:gates}:promised:proxy_a', 'interval');
    await until('the fleet knows how often proxy_a renews', async () => Boolean(await interval()));
    fleet.envoyAt(0).kill('SIGKILL');
    await fleet.endGate('SIGTERM', 0);
    expect(await fleet.leases()).toBe(15);
    await until('the other gate frees them', async () => (await fleet.leases()) === 5, 30_000);
  });

  it('stay within the limit together while Redis is away, and agree when it comes back empty', async () => {
    const lease = { ttl: `${TTL_MS * 2}ms`, recovery: `${FLUSH_MS * 2}ms` };
    await start({ config: { lease, outage: { policy: 'share' }, store: { deadline: '500ms' } } });
    const open: Client[] = await fleet.fill(LIMIT - 8);
    await Promise.all(fleet.gates.map(hasReadCounts));
    await fleet.redis?.kill();
    const alone = await Promise.all([0, 1].map((proxy) => fleet.open(LIMIT, '/pod1/', proxy)));
    open.push(...alone.flatMap(({ opened }) => opened));
    expect(open.length).toBeGreaterThan(LIMIT - 8);
    expect(open.length).toBeLessThanOrEqual(LIMIT);
    await fleet.redis?.again();
    const trusted = async () => (await Promise.all(fleet.gates.map(({ httpPort }) => storeOf(httpPort)))).join();
    await expect.poll(trusted, { timeout: 30_000 }).toBe('ok,ok');
    await until('the count is true', async () => (await fleet.leases()) === open.length, 5_000);
    const { opened } = await fleet.open(LIMIT, '/pod1/', 1);
    expect(open.length + opened.length).toBe(LIMIT);
  });

  it('tell the clients of the hub what the other did', async () => {
    await start();
    const clients = await Promise.all(
      fleet.gates.map(({ httpPort }) => HubClient.subscribed(`http://127.0.0.1:${httpPort}`)),
    );
    await fleet.open(1, '/pod1/', 0);
    await fleet.open(1, '/pod1/', 1);
    for (const client of clients) {
      await expect.poll(() => proxiesOf(client)).toEqual(['proxy_a', 'proxy_b']);
      await client.close();
    }
  });
});

/** The gate has read all counts, after this call: of the passes begun since, the second is over when the third begins. */
async function hasReadCounts(gate: Gate): Promise<void> {
  const passes = async () =>
    (await gate.metrics('/metrics'))['wsgate_store_duration_seconds_count{operation="pods",answer="ok"}'] ?? 0;
  const before = await passes();
  await until('the gate has read the counts', async () => (await passes()) > before + 2, 10_000);
}

async function storeOf(httpPort: number): Promise<string> {
  const answer = (await (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).json()) as { checks: { store: string } };
  return answer.checks.store;
}

function proxiesOf(client: HubClient): string[] {
  const admitted = client.events().filter(({ type }) => type === 'connection.admitted');
  return admitted.map(({ data }) => String(data.labels?.proxy)).sort();
}
