/** A Check gives a stream the very name that its access log entries give it, on a real Envoy. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type handleClientStreamingCall, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Document, isNode } from 'yaml';
import { addCluster, HTTP_MANAGER } from '../../lab/fleet/edge.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';
import type { StreamAccessLogsMessage, StreamAccessLogsResponse } from '../../src/envoy/messages.ts';
import { loadServices } from '../../src/envoy/protos.ts';
import { identityOf } from '../../src/envoy/stream-identity.ts';

let fleet: Fleet;
let witness: Server;
let port: number;
/** The names that log entries would give, without their metadata. */
let logged: Set<string>;
let client: Socket;

beforeEach(async () => {
  logged = new Set();
  witness = new Server();
  const StreamAccessLogs: handleClientStreamingCall<StreamAccessLogsMessage, StreamAccessLogsResponse> = (call) => {
    call.on('data', ({ httpLogs }: StreamAccessLogsMessage) => {
      for (const { commonProperties: common } of httpLogs?.logEntry ?? []) {
        logged.add(`proxy_a_${identityOf(common?.startTime, common?.downstreamDirectRemoteAddress)}`);
      }
    });
    call.on('error', () => {}); // Envoy has ended
  };
  witness.addService(loadServices().accessLog, { StreamAccessLogs });
  port = await new Promise((resolve, reject) => {
    witness.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
});
afterEach(async () => {
  client.destroy();
  await fleet.stop();
  witness.forceShutdown();
});

/** A second access log like the gate's. */
function logToWitness(config: Document): void {
  addCluster(config, 'witness', `127.0.0.1:${port}`);
  const log = config.getIn([...HTTP_MANAGER, 'access_log', 0]);
  config.addIn([...HTTP_MANAGER, 'access_log'], isNode(log) ? log.clone() : undefined);
  const service = [...HTTP_MANAGER, 'access_log', 1, 'typed_config', 'common_config', 'grpc_service'];
  config.setIn([...service, 'envoy_grpc', 'cluster_name'], 'witness');
}

function takeProxyProtocol(config: Document): void {
  const type = 'type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol';
  const filters = [{ name: 'envoy.filters.listener.proxy_protocol', typed_config: { '@type': type } }];
  config.setIn(['static_resources', 'listeners', 0, 'listener_filters'], config.createNode(filters));
}

it.each([
  ['from a client', '', false],
  ['behind the PROXY protocol', 'PROXY TCP4 192.0.2.77 127.0.0.1 1111 80\r\n', true],
])('%s', async (_from, line, proxied) => {
  const mutate = (config: Document) => {
    logToWitness(config);
    if (proxied) takeProxyProtocol(config);
  };
  fleet = await Fleet.start({ mutate });
  client = connect(fleet.envoy.port, '127.0.0.1');
  client.write(
    `${line}GET /pod1/ HTTP/1.1\r\nhost: edge\r\nx-forwarded-for: 198.51.100.9\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
      'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  expect(String(await once(client, 'data'))).toMatch(/^HTTP\/1\.1 101 /);
  const [holder] = await fleet.holders();
  await expect.poll(() => [...logged]).toEqual([holder?.lease]);
  const peer = `127.0.0.1:${client.localPort}`;
  expect(holder).toMatchObject({ peer, client: proxied ? '192.0.2.77:1111' : peer });
});
