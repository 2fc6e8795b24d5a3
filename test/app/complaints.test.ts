/** An Envoy that is configured wrongly is named at once, once, with the line to change. */

import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let gate: TestApp;
afterEach(() => gate.stop());

const ERROR = 50;
const errors = () => gate.logLines.filter(({ level }) => level === ERROR);

function send(address: string, text: string): void {
  const { hostname, port } = new URL(address.includes('://') ? address : `http://${address}`);
  const socket = connect(Number(port), hostname, () => socket.write(text));
  socket.on('error', () => {});
}

it('an access log without --service-node', async () => {
  gate = await startTestApp();
  for (let i = 0; i < 2; i += 1) {
    const log = gate.logStream('');
    log.write(
      message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic'), entryOf(newStream(), 'pod1', 'DownstreamEnd')),
    );
  }
  await expect.poll(errors).toMatchObject([{ who: '127.0.0.1', msg: expect.stringContaining('--service-node') }]);
});

it('an Envoy whose Checks have another name than its access log', async () => {
  gate = await startTestApp();
  const stream = newStream();
  const lease = leaseIn(await gate.check(checkOf(stream, 'pod1'), 'proxy_b'));
  const log = gate.logStream('proxy_a');
  for (let i = 0; i < 2; i += 1) log.write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic', { lease })));
  await expect
    .poll(errors)
    .toMatchObject([{ accessLog: 'proxy_a', checks: 'proxy_b', msg: expect.stringContaining('PROXY_ID') }]);
});

it('an Envoy that hides the header by which an upgrade is known, and no other', async () => {
  gate = await startTestApp();
  const log = gate.logStream('proxy_a');
  for (const headers of [{ upgrade: 'SPDY/3.1' }, {}]) {
    const stream = newStream();
    const answer = await gate.check(checkOf(stream, 'pod1', headers));
    const metadata = 'dynamicMetadata' in answer ? answer.dynamicMetadata : undefined;
    const entry = entryOf(stream, 'pod1', 'DownstreamTunnelSuccessfullyEstablished');
    const filterMetadata = metadata ? { 'envoy.filters.http.ext_authz': metadata } : {};
    log.write(message({ ...entry, commonProperties: { ...entry.commonProperties, metadata: { filterMetadata } } }));
    await expect.poll(() => gate.connections('pod1')).toBe('upgrade' in headers ? 1 : 2);
    expect(errors()).toHaveLength('upgrade' in headers ? 0 : 1);
  }
  expect(errors()).toMatchObject([{ who: 'proxy_a', msg: expect.stringContaining('allowed_headers') }]);
});

it('a cluster that speaks HTTP/1.1 to the address for gRPC', async () => {
  gate = await startTestApp();
  for (let i = 0; i < 2; i += 1) send(gate.app.grpc, 'GET /readyz HTTP/1.1\r\nhost: gate\r\n\r\n');
  await expect.poll(errors).toMatchObject([{ msg: expect.stringContaining('http2_protocol_options') }]);
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
});

it('a gRPC cluster that leads to the address for HTTP', async () => {
  gate = await startTestApp();
  for (let i = 0; i < 2; i += 1) send(gate.app.http, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await expect.poll(errors).toMatchObject([{ msg: expect.stringContaining('listen.grpc') }]);
  expect((await gate.get('/healthz')).status).toBe(200);
});
