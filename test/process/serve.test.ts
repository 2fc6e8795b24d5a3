/** A gate that is told to stop, as a process and behind a real Envoy. */

import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { Client, Outcome } from '../../lab/fleet/clients.ts';
import { EXT_AUTHZ } from '../../lab/fleet/edge.ts';
import { Fleet, type FleetOptions } from '../../lab/fleet/fleet.ts';
import { machineNow } from '../../lab/fleet/machine-time.ts';
import { until } from '../../lab/fleet/processes.ts';
import { connectHealth } from '../support/health.ts';

const COUNT = 20;
const LEASES = 'ws:pod_conn:pod1';
const INFO = '{ws:pod_conn:pod1}:info';

let fleet: Fleet;
afterEach(() => fleet.stop());

async function echoes(client: Client): Promise<string> {
  client.send('still there?');
  const [data] = await once(client, 'message');
  return String(data);
}

describe('at SIGTERM, under open log streams and WebSockets', () => {
  it('the gate says that it stops, exits with 0, and leaves leases and WebSockets alone', async () => {
    fleet = await Fleet.start({ store: 'redis', config: { stop: { deadline: '5s' } } });
    const { opened } = await fleet.open(COUNT);
    await until('the gate hears Envoy', async () => (await own('wsgate_log_streams')) > 0);
    const health = connectHealth(fleet.gate.grpc);
    const watch = health.watch();
    await expect.poll(() => watch.statuses).toEqual(['SERVING']);

    const startedAt = machineNow();
    fleet.gate.kill('SIGTERM');
    expect(await fleet.gate.ended).toBe('exit code 0');
    // Nothing had to be waited for.
    expect(machineNow() - startedAt).toBeLessThan(2000);
    await watch.ended;
    expect(watch.statuses).toEqual(['SERVING', 'NOT_SERVING']);
    expect(fleet.gate.logs().at(-1)).toMatchObject({ msg: 'stopped' });

    expect(await fleet.redis?.client.zcard(LEASES)).toBe(COUNT);
    expect(new Set(await Promise.all(opened.map(echoes)))).toEqual(new Set(['still there?']));
    health.close();
  });

  it('the gate writes to the store what Envoy has told it', async () => {
    fleet = await Fleet.start({ store: 'redis' });
    await fleet.open(COUNT);
    const seen = 'wsgate_access_log_entries_total{kind="seen"}';
    await until('all are known to be open', async () => (await own(seen)) === COUNT);
    fleet.gate.kill('SIGTERM');
    expect(await fleet.gate.ended).toBe('exit code 0');
    const holders = (await fleet.redis?.client.hvals(INFO)) ?? [];
    expect(holders.map((holder) => JSON.parse(holder).state)).toEqual(Array(COUNT).fill('live'));
  });
});

describe('at SIGTERM, with an upgrade that waits for a Redis that hangs', () => {
  it('the gate is unready, and the upgrade gets its answer before the gate ends', async () => {
    const upgrade = await startUpgrade({ store: { deadline: '1s' } });
    fleet.gate.kill('SIGTERM');
    const ready = await until503();
    expect(ready).toMatchObject({ ready: false, checks: { store: 'ok', gate: 'stopping' } });
    const { refused } = await upgrade.ended;
    expect(refused).toMatchObject([{ status: 503, body: '{"error":"STORE_UNAVAILABLE","retry_after":5}' }]);
    expect(await fleet.gate.ended).toBe('exit code 0');
  });

  it('the gate exits with 0 at stop.deadline, and says that something was cut off', async () => {
    const upgrade = await startUpgrade({ store: { deadline: '8s' }, stop: { deadline: '300ms' } });
    const startedAt = machineNow();
    fleet.gate.kill('SIGTERM');
    expect(await fleet.gate.ended).toBe('exit code 0');
    expect(machineNow() - startedAt).toBeLessThan(1500);
    expect(fleet.gate.logs().at(-1)).toMatchObject({ deadlineMs: 300, msg: expect.stringContaining('cut off') });
    expect((await upgrade.ended).opened).toEqual([]);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('it ends at once when %s comes second', async (signal, code) => {
    const upgrade = await startUpgrade({ store: { deadline: '8s' } });
    fleet.gate.kill('SIGTERM');
    await until503();
    const startedAt = machineNow();
    fleet.gate.kill(signal);
    expect(await fleet.gate.ended).toBe(`exit code ${code}`);
    expect(machineNow() - startedAt).toBeLessThan(500);
    expect(fleet.gate.logs().at(-1)).toMatchObject({ msg: 'stopping; a second signal ends at once' });
    await upgrade.ended;
  });

  /** Resolves when the upgrade's Check is in the gate. Envoy waits for its answer for longer than the gate does. */
  async function startUpgrade(config: NonNullable<FleetOptions['config']>): Promise<{ ended: Promise<Outcome> }> {
    const mutate: FleetOptions['mutate'] = (edge) => {
      edge.setIn([...EXT_AUTHZ, 'grpc_service', 'timeout'], '10s');
      edge.setIn([...EXT_AUTHZ, 'grpc_service', 'retry_policy'], {});
    };
    fleet = await Fleet.start({ store: 'redis', config: { ...config, outage: { policy: 'deny' } }, mutate });
    fleet.redis?.signal('SIGSTOP');
    const ended = fleet.open(1);
    const sent = 'cluster.wsgate.upstream_rq_active';
    await until('Envoy has asked', async () => ((await fleet.envoy.stats())[sent] ?? 0) > 0);
    await own('wsgate_store_up'); // answered after what had come to the gate before it
    return { ended };
  }
});

/** One figure of the gate itself. */
async function own(name: string): Promise<number> {
  return (await fleet.gate.metrics('/metrics'))[name] ?? 0;
}

/** What `/readyz` says, once it says no. */
async function until503(): Promise<unknown> {
  const ask = () => fetch(`http://127.0.0.1:${fleet.gate.httpPort}/readyz`);
  await until('/readyz says 503', async () => (await ask()).status === 503);
  return (await ask()).json();
}
