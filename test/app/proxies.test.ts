/** `/v1/proxies`: what keeps the leases of each proxy, whichever gate is asked. */

import { afterEach, expect, it } from 'vitest';
import { checkOf, entryOf, message, newStream } from '../../lab/fleet/messages.ts';
import { startRedis } from '../../lab/redis/server.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { HoldCaller } from '../support/hold.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function gateOn(redisUrl: string | undefined): Promise<TestApp> {
  const url = redisUrl === undefined ? {} : { WSGATE_STORE_URL: redisUrl };
  const gate = await startTestApp({ WSGATE_LEASE_TTL: '2s', WSGATE_LEASE_RESERVE: '1s', ...url });
  undo.push(() => gate.stop());
  return gate;
}

it.each(['redis', 'embedded'])('tells streams, log and nothing apart on the %s store', async (store) => {
  const redis = store === 'redis' ? await startRedis() : undefined;
  if (redis) undo.push(() => redis.stop());
  const gate = await gateOn(redis?.url);
  const asked = redis ? await gateOn(redis.url) : gate;
  const envoy = new HoldCaller(gate.app.grpc);
  undo.push(() => envoy.cut());
  for (const pod of ['pod1', 'pod2', 'pod2']) envoy.ask(newStream(), pod);
  await gate.check(checkOf(newStream(), 'pod1')); // and nobody speaks of it
  const logged = newStream();
  const log = gate.logStream();
  const telling = setInterval(() => log.write(message(entryOf(logged, 'pod3', 'DownstreamPeriodic'))), 500);
  undo.push(() => clearInterval(telling));
  const proxies = async () => (await asked.api.proxies()).proxies;
  await expect
    .poll(proxies, { timeout: 15_000 })
    .toEqual([{ proxy: 'proxy_a', connections: 5, held: 3, renewed: 1, unrenewed: 1 }]);
  envoy.cut();
  await expect
    .poll(proxies, { timeout: 15_000 })
    .toEqual([{ proxy: 'proxy_a', connections: 5, held: 0, renewed: 1, unrenewed: 4 }]);
});
