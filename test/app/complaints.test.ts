/** An Envoy that is configured wrongly is named at once, once, with the line to change. */

import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream, streamIn } from '../../lab/fleet/messages.ts';
import { identityOf } from '../../src/envoy/stream-identity.ts';
import { startTestApp, type TestApp, type TestEnvoy } from '../support/app.ts';

let gate: TestApp;
afterEach(() => gate.stop());

const ERROR = 50;
/** Two Envoys are told from one that moved when both have spoken for ten seconds. */
const PATIENT = { timeout: 25_000, interval: 500 };
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
  await expect.poll(errors).toMatchObject([
    {
      accessLog: 'proxy_a',
      checks: 'proxy_b',
      path: '/pod1/chat',
      host: 'edge.example',
      peer: expect.stringContaining('127.0.0.1:'),
      msg: expect.stringContaining('PROXY_ID'),
    },
  ]);
});

describe('WebSockets that no gate was asked about', () => {
  const LATER_MS = 10_000;

  it.each(['DownstreamTunnelSuccessfullyEstablished', 'DownstreamPeriodic', 'DownstreamEnd'] as const)(
    'are told by their %s, when they began after the log did',
    async (type) => {
      gate = await startTestApp();
      const log = gate.logStream('proxy_a');
      for (let i = 0; i < 2; i += 1) log.write(message(entryOf(streamIn(LATER_MS), 'pod1', type)));
      await expect.poll(errors).toMatchObject([
        {
          who: 'proxy_a',
          pod: 'pod1',
          path: '/pod1/chat',
          host: 'edge.example',
          peer: expect.stringContaining('127.0.0.1:'),
          see: 'docs/troubleshooting.md#never-asked',
          msg: expect.stringContaining('lacks the ext_authz filter'),
        },
      ]);
    },
  );

  it('are no sign when they began before it: then there was no gate, perhaps', async () => {
    gate = await startTestApp();
    gate.logStream('proxy_a').write(message(entryOf(streamIn(0), 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1')).toBe(1);
    expect(errors()).toEqual([]);
  });

  it('are not those that were asked about, of a gate that nobody asked: another one was', async () => {
    gate = await startTestApp();
    const stream = streamIn(LATER_MS);
    const lease = `proxy_a_${identityOf(stream.startTime, stream.address)}`;
    gate.logStream().write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic', { lease })));
    await expect.poll(() => gate.connections('pod1')).toBe(1);
    expect(errors()).toEqual([]);
  });

  it('are not those that were refused', async () => {
    gate = await startTestApp();
    const log = gate.logStream();
    log.write(message(entryOf(streamIn(LATER_MS), 'pod1', 'DownstreamEnd', { code: 503, details: 'ext_authz_error' })));
    log.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1')).toBe(1);
    expect(errors()).toEqual([]);
  });
});

describe('two Envoys with one name', () => {
  const speaks = {
    Checks: (envoy: TestEnvoy) => void envoy.check(checkOf(newStream(), 'pod1')),
    log: (envoy: TestEnvoy) => {
      const log = envoy.logStream();
      return () => log.write(message(entryOf(newStream(), 'pod1', 'DownstreamEnd')));
    },
  };

  it('whose Checks come from two addresses', async () => {
    gate = await startTestApp();
    const envoys = [gate, await gate.envoyAt('127.0.0.2')];
    await expect
      .poll(() => {
        for (const envoy of envoys) speaks.Checks(envoy);
        return errors();
      }, PATIENT)
      .toMatchObject([
        {
          who: 'proxy_a',
          from: expect.arrayContaining(['127.0.0.1', '127.0.0.2']),
          msg: expect.stringContaining('PROXY_ID'),
        },
      ]);
  });

  it('whose logs come from two addresses', async () => {
    gate = await startTestApp();
    const logs = [gate, await gate.envoyAt('127.0.0.2')].map(speaks.log);
    await expect
      .poll(() => {
        for (const speak of logs) speak();
        return errors();
      }, PATIENT)
      .toMatchObject([{ who: 'proxy_a', from: expect.arrayContaining(['127.0.0.1', '127.0.0.2']) }]);
  });

  it('whose logs have two node ids', async () => {
    gate = await startTestApp();
    const logs = ['node_a', 'node_b'].map((id) => ({ id, log: gate.logStream('proxy_a') }));
    await expect
      .poll(() => {
        for (const { id, log } of logs) {
          log.write({ identifier: { node: { id } }, ...message(entryOf(newStream(), 'pod1', 'DownstreamEnd')) });
        }
        return errors();
      }, PATIENT)
      .toMatchObject([{ who: 'proxy_a', from: expect.arrayContaining(['node_a', 'node_b']) }]);
  });
});

it('a filter that does not send the metadata of the route', async () => {
  gate = await startTestApp();
  const log = gate.logStream();
  for (let i = 0; i < 2; i += 1) {
    log.write(message(entryOf(newStream(), 'pod1', 'DownstreamEnd', { code: 403, denied: 'POD_UNKNOWN' })));
  }
  await expect.poll(errors).toMatchObject([
    {
      who: 'proxy_a',
      pod: 'pod1',
      path: '/pod1/chat',
      host: 'edge.example',
      msg: expect.stringContaining('route_metadata_context_namespaces'),
    },
  ]);
});

it('a filter that sends no metadata of a route that has none is not complained of', async () => {
  gate = await startTestApp();
  const log = gate.logStream();
  log.write(message(entryOf(newStream(), '', 'DownstreamEnd', { code: 403, denied: 'POD_UNKNOWN' })));
  log.write(message(entryOf(newStream(), 'pod1', 'DownstreamEnd', { code: 403, denied: 'PROXY_UNKNOWN' })));
  log.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
  await expect.poll(() => gate.connections('pod1')).toBe(1);
  expect(errors()).toEqual([]);
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
