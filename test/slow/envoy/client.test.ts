/** Whom people are shown as the client: whom Envoy trusts to be it, beside the direct peer. */

import { afterEach, describe, expect, it } from 'vitest';
import { type Document, isSeq } from 'yaml';
import { EXT_AUTHZ, HTTP_MANAGER } from '../../../lab/fleet/edge.ts';
import { Fleet, type FleetOptions } from '../../../lab/fleet/fleet.ts';
import { Api } from '../../../src/client/api.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const LOCAL = /^127\.0\.0\.1:\d+$/;
/** The first is what a client makes up; Envoy takes the word of one proxy before it. */
const headers = { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' };
const trustOneHop = (config: Document) => config.setIn([...HTTP_MANAGER, 'xff_num_trusted_hops'], 1);
const forgetClient = (config: Document) => {
  const sent = config.getIn([...EXT_AUTHZ, 'grpc_service', 'initial_metadata']);
  if (isSeq(sent)) sent.items.pop();
};

async function open(options: FleetOptions): Promise<void> {
  const config = { limits: { default: { connections: 1 } } };
  fleet = await Fleet.start({ flushIntervalMs: 500, config, ...options });
  const { opened, refused } = await fleet.open(2, '/pod1/', 0, { headers, concurrency: 1 });
  expect([opened.length, refused.length]).toEqual([1, 1]);
}

const shown = async () => (await fleet.holders()).map(({ client, peer, state }) => ({ client, peer, state }));
const told = async () => {
  const { events } = await new Api({ url: `http://127.0.0.1:${fleet.gate.httpPort}/` }).events(100);
  return events.filter(({ type }) => /^connection\.(admitted|denied)$/.test(type)).map(({ data }) => data);
};

describe.each(['edge.yaml', 'hold.yaml', 'edge-hold.yaml'] as const)('with envoy/%s', (file) => {
  it('the client is that of X-Forwarded-For, as far as Envoy trusts it', async () => {
    await open({ file, mutate: trustOneHop, store: 'redis' });
    const client = '203.0.113.7';
    await expect.poll(shown).toEqual([{ client, peer: expect.stringMatching(LOCAL), state: 'live' }]);
    const either = { client, peer: expect.stringMatching(LOCAL) };
    await expect.poll(told).toMatchObject([either, either]);
  });
});

it('the client is the peer where Envoy trusts no X-Forwarded-For, and Redis keeps nothing more of it', async () => {
  await open({ file: 'hold.yaml', store: 'redis' });
  await expect.poll(shown).toMatchObject([{ client: expect.stringMatching(LOCAL), state: 'live' }]);
  const [{ client, peer } = {}] = await fleet.holders();
  expect(client).toBe(peer);
  expect(await fleet.redis?.client.hvals('{ws:pod_conn:pod1}:info')).toEqual(['{"state":"live","path":"/pod1/"}']);
});

it('the access log tells the client where Checks do not, and the embedded store keeps it', async () => {
  const mutate = (config: Document) => {
    trustOneHop(config);
    forgetClient(config);
  };
  await open({ mutate });
  await expect.poll(shown).toMatchObject([{ client: '203.0.113.7', peer: expect.stringMatching(LOCAL) }]);
});
