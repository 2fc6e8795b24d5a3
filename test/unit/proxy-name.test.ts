import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { PeerCertificate } from '../../src/envoy/certificate-names.ts';
import { type Caller, ProxyNames } from '../../src/envoy/proxy-name.ts';

function names(env: Record<string, string> = {}): ProxyNames {
  const tls = { WSGATE_LISTEN_TLS_CERT: 'a', WSGATE_LISTEN_TLS_KEY: 'b', WSGATE_LISTEN_TLS_CA: 'c' };
  const loaded = loadConfig({ env: { ...env, ...tls } });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  return new ProxyNames(loaded.config.proxy);
}

function caller(told: { metadata?: string; peer?: string; certificate?: PeerCertificate }): Caller {
  return {
    metadata: { get: (key) => (key === 'x-wsgate-proxy' && told.metadata !== undefined ? [told.metadata] : []) },
    getPeer: () => told.peer ?? 'unknown',
    getAuthContext: () => ({ sslPeerCertificate: told.certificate }),
  };
}

const FROM = 'WSGATE_PROXY_FROM';
const certificate = (subjectaltname: string | undefined, CN: unknown = 'edge') => ({ subject: { CN }, subjectaltname });
const ISTIO = 'router~10.1.2.3~gw-7d9f.default~default.svc.cluster.local';

describe('a proxy is named', () => {
  it.each([
    [
      'by metadata before anything else, if nothing is configured',
      {},
      { metadata: 'a' },
      { label: 'b', node: 'c' },
      'a',
    ],
    ['by the label of a Check', {}, { metadata: '-' }, { label: 'b' }, 'b'],
    ['by its node', {}, { metadata: '%ENVIRONMENT(PROXY_ID)%' }, { node: 'c' }, 'c'],
    ['by the node that a control plane has named', {}, {}, { node: ISTIO }, ISTIO],
    ['by what is configured when nothing else tells', { WSGATE_PROXY_ID: 'd' }, {}, {}, 'd'],
    ['in the order that is configured', { [FROM]: 'node,metadata' }, { metadata: 'a' }, { node: 'c' }, 'c'],
    ['by its address', { [FROM]: 'peer' }, { peer: '10.0.0.1:4711', metadata: 'a' }, {}, '10.0.0.1'],
    ['by its IPv6 address', { [FROM]: 'peer' }, { peer: '[2001:db8::1]:4711' }, {}, '2001:db8::1'],
    [
      'by the URI of its certificate',
      { [FROM]: 'certificate' },
      {
        certificate: certificate(
          'DNS:edge.example.org, URI:spiffe://example.org/ns/edge/sa/envoy, IP Address:10.0.0.1',
        ),
      },
      {},
      'spiffe://example.org/ns/edge/sa/envoy',
    ],
    [
      'by its DNS name',
      { [FROM]: 'certificate' },
      { certificate: certificate('DNS:a.example.org') },
      {},
      'a.example.org',
    ],
    ['by its common name', { [FROM]: 'certificate' }, { certificate: certificate(undefined) }, {}, 'edge'],
    [
      'by its common name alone, with proxy.fromCertificate',
      { WSGATE_PROXY_FROM_CERTIFICATE: 'true' },
      { certificate: certificate('DNS:a.example.org'), metadata: 'a' },
      {},
      'edge',
    ],
  ])('%s', (_how, env, told, sender, name) => {
    expect(names(env as Record<string, string>).of(caller(told), sender)).toBe(name);
  });
});

describe('a proxy is not named', () => {
  it.each([
    ['by what is not in the list', { [FROM]: 'node' }, { metadata: 'a', peer: '10.0.0.1:1' }],
    ['by a unix socket', { [FROM]: 'peer' }, { peer: 'unix:/run/wsgate/grpc.sock' }],
    [
      'by anything but its certificate, if that is all that counts',
      { [FROM]: 'certificate', WSGATE_PROXY_ID: 'd' },
      { metadata: 'a' },
    ],
    [
      'by a part of a name that only looks like a list',
      { [FROM]: 'certificate' },
      { certificate: certificate('DNS:"a, URI:spiffe://x"', '') },
    ],
  ])('%s', (_how, env, told) => {
    expect(names(env as Record<string, string>).of(caller(told), {})).toBeUndefined();
  });
});

it('only a name that a certificate gives, and nothing else can, is proven', () => {
  expect(names({ [FROM]: 'certificate' }).certified).toBe(true);
  expect(names({ [FROM]: 'certificate,metadata' }).certified).toBe(false);
  expect(names().certified).toBe(false);
});

it('says what each source showed', () => {
  expect(names({ [FROM]: 'metadata,node' }).explain(caller({ metadata: 'a b' }), {})).toEqual([
    'gRPC metadata x-wsgate-proxy: "a b"',
    'node id: nothing',
    'proxy.id: not configured',
  ]);
});

it.each([
  [{ WSGATE_PROXY_FROM: 'certificate' }, 'proxy.from'],
  [{ WSGATE_PROXY_FROM: 'name' }, 'proxy.from'],
  [{ WSGATE_PROXY_FROM: '[]' }, 'proxy.from'],
])('a configuration is refused that says %j', (env, path) => {
  const loaded = loadConfig({ env });
  expect(loaded.ok ? [] : loaded.mistakes.map((mistake) => mistake.path)).toEqual([expect.stringContaining(path)]);
});
