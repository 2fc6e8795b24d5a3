/** Another ext_authz filter in the chain, on a real Envoy: all of them answer into one namespace. */

import { type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Document, YAMLSeq } from 'yaml';
import { closeAll } from '../../lab/fleet/clients.ts';
import { addCluster, EXT_AUTHZ, FILTERS } from '../../lab/fleet/edge.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';
import type { CheckRequest, CheckResponse } from '../../src/envoy/messages.ts';
import { loadServices } from '../../src/envoy/protos.ts';

let fleet: Fleet;
let other: Server;
let answer: Record<string, string>;
let port: number;

beforeEach(async () => {
  other = new Server();
  const Check: handleUnaryCall<CheckRequest, CheckResponse> = (_call, callback) => {
    const fields = Object.fromEntries(Object.entries(answer).map(([key, stringValue]) => [key, { stringValue }]));
    callback(null, { status: {}, okResponse: {}, dynamicMetadata: { fields } });
  };
  other.addService(loadServices().authorization, { Check });
  port = await new Promise((resolve, reject) => {
    other.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
});
afterEach(async () => {
  await fleet.stop();
  other.forceShutdown();
});

/** Asks the other server after the gate, by a filter like the gate's. */
function askAnother(config: Document): void {
  addCluster(config, 'other', `127.0.0.1:${port}`);
  const filters = config.getIn(FILTERS) as YAMLSeq;
  const filter = (
    config.createNode({ name: 'other', typed_config: config.getIn(EXT_AUTHZ) }) as Document['contents']
  )?.clone();
  filters.items.splice(1, 0, filter);
  config.setIn([...FILTERS, 1, 'typed_config', 'grpc_service', 'envoy_grpc', 'cluster_name'], 'other');
}

it.each([
  ['a pod', { pod: 'tenant-7' }],
  ['a lease and a pod', { lease: 'proxy_z_1-10.0.0.1:1', pod: 'tenant-7' }],
  ['something that is no lease', { lease: 'until noon' }],
])('that answers %s changes neither the limit nor what is counted', async (_what, answers) => {
  answer = answers;
  fleet = await Fleet.start({
    config: { limits: { default: { connections: 5 } } },
    flushIntervalMs: 500,
    mutate: askAnother,
  });
  const { opened } = await fleet.open(10);
  expect(opened).toHaveLength(5);
  await expect.poll(async () => (await fleet.holders()).map(({ state }) => state)).toEqual(Array(5).fill('live'));
  expect((await fleet.open(5)).opened).toHaveLength(0);
  expect(
    Object.keys(await fleet.gate.metrics()).filter((name) => name.startsWith('websocket_pod_connections')),
  ).toEqual(['websocket_pod_connections{pod_id="pod1"}']);
  await closeAll(opened);
  await fleet.settlesAt(0);
});
