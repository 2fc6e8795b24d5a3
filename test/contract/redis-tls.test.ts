/** Redis over TLS, as the configuration says it: `rediss://`, `store.tls`. */

import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, hasOpenssl, type KeyPair } from '../../lab/fleet/certificates.ts';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { until } from '../../lab/fleet/processes.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { storeUrl } from '../../lab/redis/store.ts';
import { createRedis } from '../../src/redis/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

describe.skipIf(!hasOpenssl)('a Redis over TLS', () => {
  let ours: Authority;
  let client: KeyPair;
  let open: RedisServer;
  let mutual: RedisServer;
  let elsewhere: RedisServer;
  beforeAll(async () => {
    ours = await createAuthority();
    client = await ours.issue('client');
    const here = await ours.issue('here');
    [open, mutual, elsewhere] = await Promise.all([
      start(here, 'no'),
      start(here, 'yes'),
      start(await ours.issue('elsewhere', 'DNS:redis.example'), 'no'),
    ]);
  });
  afterAll(() => Promise.all([open, mutual, elsewhere].map((redis) => redis.stop())));

  function start(pair: KeyPair, clients: 'yes' | 'no'): Promise<RedisServer> {
    return startRedis({ tls: { ...pair, ca: ours.cert, clients } });
  }

  let app: TestApp | undefined;
  afterEach(() => app?.stop());

  async function gateOn(redis: RedisServer, tls: Record<string, string>, host = 'localhost'): Promise<TestApp> {
    const url = `rediss://${host}:${redis.tlsPort}`;
    app = await startTestApp({ WSGATE_STORE_URL: url, WSGATE_STORE_DEADLINE: '1s', ...tls });
    return app;
  }

  async function serves(gate: TestApp): Promise<void> {
    await expect.poll(() => gate.store()).toBe('ok');
    leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
  }

  /** It never got so far as to try anything, and its log says why. */
  async function staysAway(gate: TestApp, why: RegExp): Promise<void> {
    await expect.poll(() => JSON.stringify(gate.logLines)).toMatch(why);
    expect(await gate.store()).toMatch(/^the store does not answer: /);
  }

  it.each(['localhost', '127.0.0.1'])('is used with the certificate of its authority, by %s', async (host) => {
    await serves(await gateOn(open, { WSGATE_STORE_TLS_CA: ours.cert }, host));
    expect(await open.client.zcard('ws:pod_conn:pod1')).toBeGreaterThan(0);
  });

  it('is not used when its authority is not known', async () => {
    await staysAway(await gateOn(open, {}), /unable to verify|self.signed/);
  });

  it('is not used under a name that is not in its certificate', async () => {
    await staysAway(await gateOn(elsewhere, { WSGATE_STORE_TLS_CA: ours.cert }), /does not match certificate/);
  });

  it('may be let go in the middle of a handshake that fails', async () => {
    // Hits the middle at some of these times. What is asserted is that no error is left over: that fails a test run.
    for (const afterMs of [0, 1, 2, 3, 4, 5, 6, 8]) {
      const redis = createRedis(storeUrl(`rediss://localhost:${open.tlsPort}`), 1000, undefined);
      redis.on('error', () => {});
      await setTimeout(afterMs);
      redis.disconnect();
      await until('its socket is closed', () => !('stream' in redis) || (redis.stream?.closed ?? true));
    }
  });

  it('that asks for a client certificate gets it, and turns away a gate that has none', async () => {
    const pair = { WSGATE_STORE_TLS_CERT: client.cert, WSGATE_STORE_TLS_KEY: client.key };
    await serves(await gateOn(mutual, { WSGATE_STORE_TLS_CA: ours.cert, ...pair }));
    await app?.stop();
    await staysAway(await gateOn(mutual, { WSGATE_STORE_TLS_CA: ours.cert }), /certificate required|ECONNRESET|closed/);
  });
});
