/**
 * deploy/kubernetes/envoy-gateway, rendered anew by Envoy Gateway's own translator, on a real Envoy: with the gate's shipped
 * defaults, and no setting but those of the recipe.
 */

import { readFileSync } from 'node:fs';
import { afterEach, expect, it, vi } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import type { Fleet, FleetOptions } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';
import { envoyGateway } from './envoy-gateway.ts';
import { isOpen, plain, RECOVERY_MS, startRecipe } from './recipe-fleet.ts';
import { type Rendered, renderEnvoyGateway, store, stored } from './recipes.ts';

const egctl = process.env.WSGATE_EGCTL ?? '';
const rendered = renderEnvoyGateway(egctl);
/** The recipe's `limits.default`. */
const LIMIT = 100;
// A store that is new is waited for, too.
vi.setConfig({ testTimeout: 180_000 });

let fleet: Fleet | undefined;
afterEach(() => fleet?.stop());

/** `patience`: of Envoys; that of the recipe, null, is short for a machine that stalls. */
async function start(options: FleetOptions = {}, lease?: object, patience: string | null = '5s'): Promise<Fleet> {
  fleet = await startRecipe('envoy-gateway', { render: envoyGateway(rendered, patience), ...options }, lease);
  return fleet;
}

it('the stored configuration is what the translator renders', () => {
  if (process.env.WSGATE_TEST_STORE) store('envoy-gateway', rendered);
  expect(rendered).toEqual(stored('envoy-gateway'));
});

it('the recipe patches nothing', () => {
  for (const file of ['gateway', 'door', 'pods', 'wsgate']) {
    const text = readFileSync(new URL(`../../deploy/kubernetes/envoy-gateway/${file}.yaml`, import.meta.url), 'utf8');
    expect(text).not.toContain('EnvoyPatchPolicy');
  }
});

it('the limit is exact with 300 at once through each of two Envoys, and each slot is free within a second', async () => {
  const on = await start({ proxies: ['edge-a', 'edge-b'] }, {});
  const outcomes = await Promise.all([0, 1].map((proxy) => on.open(300, '/chat-0/', proxy, { concurrency: 300 })));
  const opened = outcomes.flatMap((outcome) => outcome.opened);
  expect(opened).toHaveLength(LIMIT);
  expect(outcomes.flatMap(({ failed }) => failed)).toEqual([]);
  const refused = new Set(
    outcomes.flatMap((outcome) => outcome.refused.map(({ status, body }) => `${status} ${body}`)),
  );
  expect([...refused]).toEqual(['429 {"error":"LIMIT_EXCEEDED","retry_after":5}']);
  await on.settlesAt(LIMIT, 1000, 'chat-0');
  expect(await plain(on)).toBe('chat-0: GET /chat-0/\n');
  await closeAll(opened.slice(0, 40));
  await on.settlesAt(LIMIT - 40, 1000, 'chat-0');
  for (const client of opened.slice(40, 60)) client.reset();
  await on.settlesAt(LIMIT - 60, 1000, 'chat-0');
  on.envoy.kill('SIGTERM');
  await on.envoy.ended;
  const atB = outcomes[1]?.opened.filter(isOpen).length ?? Number.NaN;
  await on.settlesAt(atB, 1000, 'chat-0');
  on.podAt(0).closeAll();
  await on.settlesAt(0, 1000, 'chat-0');
});

it('a gate closes one connection, on request', async () => {
  const on = await start();
  const { opened } = await on.open(3, '/chat-0/');
  await on.settlesAt(3, 1000, 'chat-0');
  const [holder] = await on.holders('chat-0');
  const path = `/v1/pods/chat-0/connections/${encodeURIComponent(holder?.lease ?? '')}/close`;
  const answer = await fetch(`http://127.0.0.1:${on.gate.httpPort}${path}`, { method: 'POST' });
  expect(await answer.json()).toEqual({ closed: true });
  await on.settlesAt(2, 1000, 'chat-0');
  await expect.poll(() => opened.filter(isOpen)).toHaveLength(2);
});

it.each(['SIGKILL', 'SIGTERM'] as const)('a gate that gets %s closes nothing and lets nobody in', async (signal) => {
  const on = await start();
  const { opened } = await on.open(50, '/chat-0/');
  await on.settlesAt(50, 1000, 'chat-0');
  await on.endGate(signal);
  expect((await on.open(10, '/chat-0/')).refused.map(refusal)).toEqual(Array(10).fill('503 5 no gate answered'));
  expect(await plain(on)).toBe('chat-0: GET /chat-0/\n');
  await on.startGate();
  await until('upgrades are let in', async () => (await on.open(1, '/chat-0/')).opened.length === 1, RECOVERY_MS);
  expect(opened.filter(isOpen)).toHaveLength(50);
  await on.settlesAt(51, 1000, 'chat-0');
  // No gate holds these any more: the access log tells of their end.
  await closeAll(opened);
  await on.settlesAt(1, 3000, 'chat-0');
  const { opened: others } = await on.open(LIMIT + 10, '/chat-0/');
  expect(others).toHaveLength(LIMIT - 1);
});

it('a gate that hangs closes nothing and lets nobody in', async () => {
  const on = await start({}, undefined, null);
  const { opened } = await on.open(10, '/chat-0/');
  await on.settlesAt(10, 1000, 'chat-0');
  on.gate.kill('SIGSTOP');
  expect((await on.open(5, '/chat-0/')).refused.map(refusal)).toEqual(Array(5).fill('503 5 no gate answered'));
  expect(await plain(on)).toBe('chat-0: GET /chat-0/\n');
  on.gate.kill('SIGCONT');
  await on.settlesAt(10, 5000, 'chat-0');
  expect(opened.filter(isOpen)).toHaveLength(10);
});

it('without the guard, a WebSocket gets in that no gate has answered; that is what it is for', async () => {
  const unguarded = JSON.parse(
    JSON.stringify(rendered).replaceAll('"name":"DENY"', '"name":"ALLOW"').replaceAll('"action":"DENY",', ''),
  ) as Rendered;
  const on = await start({ render: envoyGateway(unguarded) });
  await on.endGate('SIGKILL');
  expect((await on.open(3, '/chat-0/')).opened).toHaveLength(3);
});

it('with the patch for periodic entries, the slots of an Envoy that was killed are free after the grace', async () => {
  const patched = JSON.stringify(renderEnvoyGateway(egctl, { patch: 'periodic-entries.yaml' }));
  const soon = patched.replace('"accessLogFlushInterval":"15s"', '"accessLogFlushInterval":"1s"');
  expect(soon).not.toBe(patched);
  const render = envoyGateway(JSON.parse(soon) as Rendered);
  const lease = { recovery: '0s', ttl: '5s', grace: '6s' };
  const on = await start({ proxies: ['edge-a', 'edge-b'], render }, lease);
  const outcomes = [await on.open(20, '/chat-0/', 0), await on.open(10, '/chat-0/', 1)];
  await on.settlesAt(30, 1000, 'chat-0');
  const told = async () => (await on.gate.metrics('/metrics'))['wsgate_access_log_entries_total{kind="seen"}'];
  await expect.poll(told).toBeGreaterThan(5 * 30);
  on.envoy.kill('SIGKILL');
  await on.settlesAt(10, 45_000, 'chat-0');
  expect(outcomes[1]?.opened.filter(isOpen)).toHaveLength(10);
});

function refusal({
  status,
  headers,
  body,
}: {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}): string {
  return `${status} ${headers['retry-after']} ${body}`;
}
