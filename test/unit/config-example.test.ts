import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseDocument } from 'yaml';
import { leaves } from '../../src/config/keys.ts';
import { loadConfig } from '../../src/config/load.ts';

const example = readFileSync(new URL('../../wsgate.example.yaml', import.meta.url), 'utf8');
/** A `#` with no space after it is a key, any other a comment. Keys below a commented one are indented by two. */
const complete = example.replace(/^( *)#(?=\w| {2}\w+: )/gm, '$1');

test('the example file is the defaults, word for word', () => {
  const fromExample = loadConfig({ text: example, env: {} });
  expect(fromExample).toMatchObject({ ok: true });
  expect(fromExample).toEqual(loadConfig({ env: {} }));
});

test.each(leaves.map(({ path }) => path.join('.')))('the example file shows %s', (key) => {
  expect(parseDocument(complete).hasIn(key.split('.'))).toBe(true);
});

test.each(leaves.map(({ path }) => path.join('.')).filter((key) => parseDocument(example).hasIn(key.split('.'))))(
  'the example file explains %s, or its neighbour does',
  (key) => {
    const name = key.split('.').at(-1);
    expect(example).toMatch(new RegExp(`^ *# .*\\n(?: *\\w+: .*\\n)? *${name}: `, 'm'));
  },
);

test('what the example file leaves commented out is valid once it is not, for Sentinels with TLS', () => {
  const text = complete
    .replace(/(?<=^ {2}url: ).*$/m, 'rediss+sentinel://127.0.0.1/main/0')
    .replace(/^ {2}file: .*$/m, ''); // that is for a gate without a Redis
  expect(loadConfig({ text, env: {} })).toMatchObject({
    ok: true,
    config: {
      listen: { tls: { cert: '/etc/wsgate/tls.crt', key: '/etc/wsgate/tls.key', ca: '/etc/wsgate/ca.crt' } },
      proxy: { id: 'edge_1' },
      store: {
        url: { kind: 'sentinel', tls: true, hosts: [{ host: '127.0.0.1', port: 26_379 }], master: 'main', database: 0 },
        tls: { key: '/etc/wsgate/redis.key' },
        sentinel: { username: 'gate', password: 'change-me' },
      },
    },
  });
});

test('the defaults are these', () => {
  expect(loadConfig({ env: {} })).toEqual({
    ok: true,
    config: {
      listen: {
        grpc: { kind: 'tcp', host: '127.0.0.1', port: 7070 },
        http: { kind: 'tcp', host: '127.0.0.1', port: 7071 },
        insecure: false,
        checkServer: 'http2',
        messageBytesMax: 1_048_576,
        streamsMax: 1_000,
        connectionsMax: 10_000,
        connectionsPerAddressMax: 1_000,
        callsMax: 50_000,
        callsPerAddressMax: 20_000,
        logStreamsMax: 10_000,
        heldStreamsMax: 100_000,
        heldStreamsPerAddressMax: 50_000,
        streamResetBurst: 20_000,
        streamResetRate: 10_000,
        unfinishedBytesMax: 268_435_456,
        unfinishedBytesPerAddressMax: 67_108_864,
        flowControlWindow: 67_108_864,
      },
      proxy: { fromCertificate: false, upgradesOnly: false },
      store: { prefix: 'ws:', deadline: 100, info: true },
      pods: { from: ['route', 'context'] },
      services: {},
      limits: { podsMax: 10_000, proxiesMax: 10_000, default: { connections: 100 }, pods: {} },
      lease: { ttl: 60_000, grace: 300_000, unrenewedMax: 86_400_000 },
      outage: { policy: 'share' },
      deny: { status: 429, retryAfter: 5_000 },
      http: {
        tokens: [],
        origins: [],
        connectionsMax: 10_000,
        connectionsPerAddressMax: 1_000,
        headerBytesMax: 16_384,
        bodyBytesMax: 2_097_152,
        requestTimeout: 10_000,
        open: ['metrics', 'health'],
      },
      hub: {
        enabled: true,
        clientsMax: 10_000,
        clientsPerAddressMax: 1_000,
        subscriptionsMax: 100,
        messagesPerSecondMax: 50,
        queueMax: 1_000,
        whenFull: 'drop',
        ping: 30_000,
        sessionTimeout: 300_000,
        cleanup: 60_000,
        ticket: 30_000,
        historyMax: 10_000,
        oneByOneMax: 100,
        fillingPercent: 80,
        metrics: { every: 5_000, ttl: 30_000 },
        console: { every: 2_000, ping: 54_000, pong: 60_000, queueMax: 256, messageBytesMax: 524_288 },
      },
      stop: { deadline: 10_000 },
      ledger: { leasesMax: 1_000_000, releasesMax: 100_000 },
      log: { level: 'info', format: 'auto', levels: 'numbers', timestamps: 'epoch' },
    },
  });
});
