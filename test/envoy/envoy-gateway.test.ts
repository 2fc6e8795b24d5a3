/**
 * deploy/kubernetes/envoy-gateway as Envoy Gateway's own translator has rendered it (test/control-planes/rendered), on a
 * real Envoy. `npm run test:control-planes` renders it anew, and asks more of it.
 */

import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import { envoyBinary } from '../../lab/fleet/envoy.ts';
import { Fleet, type FleetOptions, stores } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';
import { envoyGateway } from '../control-planes/envoy-gateway.ts';
import { gateConfig } from '../control-planes/recipes.ts';

let fleet: Fleet | undefined;
afterEach(() => fleet?.stop());

async function start(options: FleetOptions): Promise<Fleet> {
  const config = { ...gateConfig('envoy-gateway'), limits: { default: { connections: 5 } } };
  fleet = await Fleet.start({ pods: ['chat-0', 'chat-1'], config, render: envoyGateway(), ...options });
  return fleet;
}

const [, minor] = /\/1\.(\d+)\.\d+/.exec(execFileSync(envoyBinary(), ['--version'], { encoding: 'utf8' })) ?? [];

// `source: Local` of `responseOverride`: no earlier Envoy has it.
describe.skipIf(Number(minor) < 38)('as Envoy Gateway renders it, without a patch', () => {
  it.each(stores)('as many get in as the limit says, of each pod, on the %s store', async (store) => {
    const on = await start({ store });
    const { opened, refused } = await on.open(15, '/chat-0/');
    expect(opened).toHaveLength(5);
    expect(refused.map(({ status, body }) => `${status} ${body}`)).toEqual(
      Array(10).fill('429 {"error":"LIMIT_EXCEEDED","retry_after":5}'),
    );
    expect((await on.open(6, '/chat-1/')).opened).toHaveLength(5);
    await on.settlesAt(5, 1000, 'chat-0');
    expect((await on.gate.metrics('/metrics')).wsgate_held_streams).toBe(10);
    expect(await plain(on)).toBe('chat-0: GET /chat-0/\n');
    await closeAll(opened.slice(0, 2));
    await on.settlesAt(3, 1000, 'chat-0');
    await on.settlesAt(5, 1000, 'chat-1');
  });

  it('a gate that is killed closes nothing, and nobody gets in until it is back', async () => {
    const on = await start({ store: 'redis' });
    const { opened } = await on.open(4, '/chat-0/');
    await on.settlesAt(4, 1000, 'chat-0');
    await on.endGate('SIGKILL');
    const { refused } = await on.open(3, '/chat-0/');
    expect(refused.map(({ status, headers }) => [status, headers['retry-after']])).toEqual(Array(3).fill([503, '5']));
    expect(await plain(on)).toBe('chat-0: GET /chat-0/\n');
    await on.startGate();
    await until('upgrades are let in', async () => (await on.open(1, '/chat-0/')).opened.length === 1, 10_000);
    expect((await on.open(3, '/chat-0/')).refused.map(({ status }) => status)).toEqual([429, 429, 429]);
    expect(opened.map(({ readyState }) => readyState)).toEqual([1, 1, 1, 1]);
    // No gate holds these any more: the access log tells of their end.
    await closeAll(opened);
    await on.settlesAt(1, 3000, 'chat-0');
  });

  it("a pod's own 403 and a gate's stay what they are", async () => {
    const on = await start({});
    expect((await on.open(1, '/chat-0/?refuse=403')).refused.map(({ status }) => status)).toEqual([403]);
    await on.endGate('SIGTERM');
    await on.startGate(0, { config: { pods: { from: [{ header: 'x-pod' }] }, proxy: { from: ['peer'] } } });
    const unknown = () => on.open(1, '/chat-0/').then(({ refused: [refusal] }) => refusal?.body);
    await expect.poll(unknown).toBe('{"error":"POD_UNKNOWN"}');
  });
});

function plain(of: Fleet): Promise<string> {
  return fetch(`http://127.0.0.1:${of.envoy.port}/chat-0/`).then((response) => response.text());
}
