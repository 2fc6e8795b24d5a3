/** TLS to every node of a cluster, and to Sentinels and the master that they name. */

import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, hasOpenssl } from '../../lab/fleet/certificates.ts';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { RedisCluster } from '../../lab/redis/cluster.ts';
import { startSentinels } from '../../lab/redis/sentinel.ts';
import type { ServerTls } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

describe.skipIf(!hasOpenssl)('over TLS', () => {
  let ours: Authority;
  let tls: ServerTls;
  beforeAll(async () => {
    ours = await createAuthority();
    tls = { ca: ours.cert, ...(await ours.issue('redis')) };
  });

  let stops: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
    stops = [];
  });

  async function gateOn(url: string, env: Record<string, string>): Promise<TestApp> {
    const gate = await startTestApp({ WSGATE_STORE_URL: url, WSGATE_STORE_DEADLINE: '1s', ...env });
    stops.push(() => gate.stop());
    return gate;
  }

  it.each([
    [
      'all nodes of a cluster',
      async () => {
        const cluster = await RedisCluster.start({ tls });
        stops.push(() => cluster.stop());
        return cluster.tlsUrl;
      },
    ],
    [
      'Sentinels and their master',
      async () => {
        const watched = await startSentinels([], tls);
        stops.push(() => watched.stop());
        return watched.url;
      },
    ],
  ])('%s are used with certificates of the authority that is trusted, and not without', async (_, start) => {
    const url = await start();
    const gate = await gateOn(url, { WSGATE_STORE_TLS_CA: ours.cert });
    await expect.poll(() => gate.store()).toBe('ok');
    for (let i = 0; i < 6; i += 1) leaseIn(await gate.check(checkOf(newStream(), `pod${i}`)));
    const stranger = await gateOn(url, {});
    await expect
      .poll(() => JSON.stringify(stranger.logLines))
      .toMatch(/no node can be asked|All sentinels are unreachable/);
    expect(await stranger.store()).toMatch(/^the store does not answer: /);
  });
});
