/** A real Envoy and a gate that show each other certificates. */

import { afterEach, describe, expect, it } from 'vitest';
import type { Document } from 'yaml';
import { type Authority, createAuthority, hasOpenssl, type KeyPair } from '../../lab/fleet/certificates.ts';
import { closeAll } from '../../lab/fleet/clients.ts';
import { gateClusters } from '../../lab/fleet/edge.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';

let fleet: Fleet;
afterEach(() => fleet?.stop());

async function start(gate: KeyPair, clients: Authority, mutate: (config: Document) => void): Promise<Fleet> {
  const env = { CERT: gate.cert, KEY: gate.key, CA: clients.cert };
  return Fleet.start({
    store: 'embedded',
    config: { limits: { default: { connections: 2 } } },
    env: Object.fromEntries(Object.entries(env).map(([name, file]) => [`WSGATE_LISTEN_TLS_${name}`, file])),
    mutate,
  });
}

/** Envoy's side of it: shows `own`, and wants a gate named localhost by `authority`. */
const showing = (own: KeyPair | undefined, authority: Authority) => (config: Document) => {
  const certificates = own && {
    tls_certificates: [{ certificate_chain: { filename: own.cert }, private_key: { filename: own.key } }],
  };
  const validation = {
    trusted_ca: { filename: authority.cert },
    match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'localhost' } }],
  };
  const socket = {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
      sni: 'localhost',
      // Without ALPN, Envoy's health check over TLS is turned away: only its other connections say h2 by themselves.
      common_tls_context: { alpn_protocols: ['h2'], ...certificates, validation_context: validation },
    },
  };
  for (const cluster of gateClusters(config)) cluster.set('transport_socket', config.createNode(socket));
};

async function healthCheck(result: 'success' | 'failure'): Promise<boolean> {
  return ((await fleet.envoy.stats())[`cluster.wsgate.health_check.${result}`] ?? 0) > 0;
}

describe.skipIf(!hasOpenssl)('over mutual TLS', () => {
  it('an Envoy with a certificate has its WebSockets counted, limited and freed', async () => {
    const ours = await createAuthority();
    const [gate, envoy] = await Promise.all([ours.issue('gate'), ours.issue('envoy')]);
    fleet = await start(gate, ours, showing(envoy, ours));
    const { opened, refused } = await fleet.open(3);
    expect(opened).toHaveLength(2);
    expect(refused.map(({ status }) => status)).toEqual([429]);
    await fleet.settlesAt(2);
    await until('Envoy finds the gate well', () => healthCheck('success'));
    expect(await healthCheck('failure')).toBe(false);
    await closeAll(opened);
    await fleet.settlesAt(0);
  });

  it('an Envoy without one gets no answer from the gate', async () => {
    const ours = await createAuthority();
    fleet = await start(await ours.issue('gate'), ours, showing(undefined, ours));
    const { refused } = await fleet.open(1);
    expect(refused.map(({ status, body }) => ({ status, body }))).toEqual([{ status: 503, body: '' }]);
    expect(await fleet.connections()).toBe(0);
  });
});
