/**
 * deploy/kubernetes/istio, rendered anew by istiod's own generators, on a real Envoy: with the gate's shipped defaults, and no
 * setting but those of the recipe.
 */

import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterEach, expect, it, vi } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import type { Fleet, FleetOptions } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';
import { FOREIGN, istio } from './istio.ts';
import { isOpen, plain, RECOVERY_MS, startRecipe } from './recipe-fleet.ts';
import { type Rendered, renderIstio, store, stored } from './recipes.ts';

// A store that is new is waited for, too.
vi.setConfig({ testTimeout: 180_000 });

const renderer = process.env.WSGATE_ISTIO_RENDERER ?? '';
const rendered = renderIstio(renderer);
/** The recipe's `limits.default`. */
const LIMIT = 100;
/** Istio's log waits for a second before it sends entries. */
const TOLD_MS = 2500;

let fleet: Fleet | undefined;
afterEach(() => fleet?.stop());

async function start(options: FleetOptions = {}, lease?: object): Promise<Fleet> {
  fleet = await startRecipe('istio', { render: istio(rendered), ...options }, lease);
  return fleet;
}

it('the stored configuration is what istiod renders', () => {
  if (process.env.WSGATE_TEST_STORE) store('istio', rendered);
  expect(rendered).toEqual(stored('istio'));
});

it("nothing is left out for a stock Envoy but Istio's own filters", () => {
  const types = JSON.stringify(rendered).match(/(?<="(?:typeUrl|@type)":")[^"]*/g) ?? [];
  expect([...new Set(types.filter((type) => FOREIGN.test(type)))].sort()).toEqual([
    'type.googleapis.com/envoy.tcp.metadataexchange.config.MetadataExchange',
    'type.googleapis.com/io.istio.http.peer_metadata.Config',
    'type.googleapis.com/istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig',
  ]);
});

it('the limit is exact with 300 at once through each of two Envoys', async () => {
  const on = await start({ proxies: ['edge-a', 'edge-b'] }, {});
  const outcomes = await Promise.all([0, 1].map((proxy) => on.open(300, '/chat-0/', proxy, { concurrency: 300 })));
  const opened = outcomes.flatMap((outcome) => outcome.opened);
  expect(opened).toHaveLength(LIMIT);
  expect(outcomes.flatMap(({ failed }) => failed)).toEqual([]);
  const refused = outcomes.flatMap((outcome) => outcome.refused.map(({ status, body }) => `${status} ${body}`));
  expect([...new Set(refused)]).toEqual(['429 {"error":"LIMIT_EXCEEDED","retry_after":5}']);
  await on.settlesAt(LIMIT, 1000, 'chat-0');
  expect(await Promise.all(['WebSocket', 'WEBSOCKET'].map((spelled) => statusOf(on, spelled)))).toEqual([429, 429]);
  expect(await plain(on)).toBe('chat-0: GET /chat-0/\n');
  await closeAll(opened.slice(0, 40));
  await on.settlesAt(LIMIT - 40, TOLD_MS, 'chat-0');
  for (const client of opened.slice(40, 60)) client.reset();
  await on.settlesAt(LIMIT - 60, TOLD_MS, 'chat-0');
});

it('a gate that is killed closes nothing and lets nobody in', async () => {
  const on = await start();
  const { opened } = await on.open(50, '/chat-0/');
  await on.settlesAt(50, 1000, 'chat-0');
  await on.endGate('SIGKILL');
  expect((await on.open(10, '/chat-0/')).refused.map(({ status }) => status)).toEqual(Array(10).fill(503));
  expect(await plain(on)).toBe('chat-0: GET /chat-0/\n');
  await on.startGate();
  await until('upgrades are let in', async () => (await on.open(1, '/chat-0/')).opened.length === 1, RECOVERY_MS);
  expect(opened.filter(isOpen)).toHaveLength(50);
  await on.settlesAt(51, 1000, 'chat-0');
  await closeAll(opened);
  await on.settlesAt(1, TOLD_MS, 'chat-0');
});

it('with the patch, a gate closes one connection, and the slots of an Envoy that was killed are free after the grace', async () => {
  const patched = JSON.stringify(renderIstio(renderer, { patch: 'hold.yaml' }));
  const soon = patched.replace('"accessLogFlushInterval":"15s"', '"accessLogFlushInterval":"1s"');
  expect(soon).not.toBe(patched);
  const render = istio(JSON.parse(soon) as Rendered);
  const on = await start({ proxies: ['edge-a', 'edge-b'], render }, { recovery: '0s', ttl: '5s', grace: '6s' });
  await on.open(20, '/chat-0/', 0);
  const { opened } = await on.open(LIMIT, '/chat-0/', 1);
  expect(opened).toHaveLength(LIMIT - 20);
  await expect.poll(async () => (await on.gate.metrics('/metrics')).wsgate_held_streams).toBe(LIMIT);
  await closeAll(opened.slice(0, 70));
  await on.settlesAt(30, 1000, 'chat-0');
  const ofB = (await on.holders('chat-0')).find(({ lease }) => lease.startsWith('127.0.2.2_'));
  const path = `/v1/pods/chat-0/connections/${encodeURIComponent(ofB?.lease ?? '')}/close`;
  const answer = await fetch(`http://127.0.0.1:${on.gate.httpPort}${path}`, { method: 'POST' });
  expect(await answer.json()).toEqual({ closed: true });
  await on.settlesAt(29, 1000, 'chat-0');
  const told = async () => (await on.gate.metrics('/metrics'))['wsgate_access_log_entries_total{kind="seen"}'];
  await expect.poll(told).toBeGreaterThan(5 * LIMIT);
  on.envoy.kill('SIGKILL');
  await on.settlesAt(9, 45_000, 'chat-0');
  expect(opened.filter(isOpen)).toHaveLength(9);
});

/** Of an upgrade whose header is spelled so. */
async function statusOf(on: Fleet, upgrade: string): Promise<number | undefined> {
  const headers = { connection: 'upgrade', upgrade, 'sec-websocket-version': '13', 'sec-websocket-key': KEY };
  const asking = request(`http://127.0.0.1:${on.envoy.port}/chat-0/`, { headers });
  asking.end();
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

const KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';
