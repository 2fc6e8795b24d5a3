/** Upgrades that wait for a slot of a service whose pods are all full. */

import type { ServiceError } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { checkOfService, entryOf, leaseIn, message, newStream, type Stream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import type { CheckResponse } from '../../src/envoy/messages.ts';
import { type BegunCheck, startTestApp, type TestApp } from '../support/app.ts';
import { HoldCaller } from '../support/hold.ts';

const A = '10.0.0.1:8080';
const FULL = 'denied: 429';

let gate: TestApp;
let redis: RedisServer | undefined;
const gates: TestApp[] = [];
afterEach(async () => {
  await Promise.all(gates.splice(0).map((each) => each.stop()));
  await redis?.stop();
  redis = undefined;
});

async function start(wait: string, connections = 1): Promise<TestApp> {
  const services = { chat: { endpoints: { static: [A] }, connections, wait } };
  const onRedis = redis ? { WSGATE_STORE_URL: redis.url, WSGATE_STORE_DEADLINE: '4s' } : {};
  gate = await startTestApp({ WSGATE_SERVICES: JSON.stringify(services), ...onRedis });
  gates.push(gate);
  await expect.poll(() => gate.store()).toBe('ok');
  return gate;
}

const shown = (answer: CheckResponse | ServiceError) => {
  if ('okResponse' in answer) return 'allowed';
  return 'deniedResponse' in answer ? `denied: ${answer.deniedResponse?.status?.code}` : `error ${String(answer)}`;
};
const figure = async (name: string, of = gate) =>
  Number(new RegExp(`^${name} (.*)$`, 'm').exec(await (await of.get('/metrics')).text())?.[1] ?? 0);
const waiting = (count: number) => expect.poll(() => figure('wsgate_waiting_upgrades'), { interval: 20 }).toBe(count);

/** Takes a slot, and gives what ends its connection. */
async function take(of = gate): Promise<() => void> {
  const stream = newStream();
  const answer = await of.check(checkOfService(stream, 'chat'));
  expect(shown(answer)).toBe('allowed');
  return () => end(stream, answer, of);
}

function end(stream: Stream, answer: CheckResponse | ServiceError, of = gate): void {
  of.logStream().write(message(entryOf(stream, `chat/${A}`, 'DownstreamEnd', { lease: leaseIn(answer) })));
}

/** Begins to wait behind those that do already. */
async function queue(place: number, timeoutMs?: number): Promise<BegunCheck & { readonly stream: Stream }> {
  const stream = newStream();
  const begun = gate.beginCheck(checkOfService(stream, 'chat'), timeoutMs);
  await waiting(place);
  return { ...begun, stream };
}

describe.each(['embedded', 'redis'])('on the %s store', (store) => {
  const begin = async (wait: string, connections?: number) => {
    redis = store === 'redis' ? await startRedis() : undefined;
    await start(wait, connections);
  };

  it('each slot that frees goes to the one that has waited longest, and is had at once', async () => {
    await begin('20s');
    const free = await take();
    const line = [await queue(1), await queue(2), await queue(3)];
    const order: number[] = [];
    line.forEach(({ answer, stream }, i) => {
      void answer.then((each) => {
        order.push(i);
        if (i < 2) end(stream, each);
      });
    });
    const startedMs = performance.now();
    free();
    expect((await Promise.all(line.map(({ answer }) => answer))).map(shown)).toEqual(Array(3).fill('allowed'));
    expect(order).toEqual([0, 1, 2]);
    expect(performance.now() - startedMs).toBeLessThan(3000);
    expect(await gate.connections(`chat/${A}`)).toBe(1);
    await waiting(0);
  });

  it('one that comes later does not overtake, and one whose time is up gets 429', async () => {
    await begin('500ms');
    await take();
    const [first, second] = [await queue(1), await queue(2)];
    const startedMs = performance.now();
    expect([shown(await first.answer), shown(await second.answer)]).toEqual([FULL, FULL]);
    expect(performance.now() - startedMs).toBeLessThan(1500);
    expect(await figure('wsgate_decision_duration_seconds_sum{outcome="denied"}')).toBeLessThan(0.3); // waiting is none of it
  });

  it('one whose client leaves waits no longer, and takes no slot', async () => {
    await begin('20s');
    const free = await take();
    const [first, second] = [await queue(1), await queue(2)];
    first.cancel();
    await waiting(1);
    free();
    expect(shown(await second.answer)).toBe('allowed');
    end(second.stream, await second.answer);
    await expect.poll(() => gate.connections(`chat/${A}`)).toBe(0);
  });

  it('it waits at the hold door, too, and no longer than its stream is open', async () => {
    await begin('20s');
    const free = await take();
    const envoy = new HoldCaller(gate.app.grpc);
    const [gone, call] = [envoy.askOfService(newStream(), 'chat'), envoy.askOfService(newStream(), 'chat')];
    await waiting(2);
    gone.stream.end();
    await waiting(1);
    free();
    await expect.poll(() => call.answers).toHaveLength(1);
    expect(call.answers[0]).toMatchObject({ requestHeaders: { response: {} } });
    envoy.cut();
  });

  it('a gate that stops lets nobody wait', async () => {
    await begin('20s');
    await take();
    const { answer } = await queue(1);
    const stopped = gate.stop();
    expect(shown(await answer)).toBe(FULL);
    await stopped;
  });
});

it('a slot that another gate frees is found within a second, and hardly anything is asked until then', async () => {
  redis = await startRedis();
  const other = await start('20s', 3);
  const frees = [await take(), await take(), await take()];
  await start('20s', 3);
  const line = [];
  for (let place = 1; place <= 40; place += 1) line.push(await queue(place));
  const asked = () => figure('wsgate_store_duration_seconds_count{operation="place",answer="ok"}');
  const before = await asked();
  const startedMs = performance.now();
  await expect.poll(() => performance.now() - startedMs, { timeout: 3000 }).toBeGreaterThan(2000);
  const polls = (await asked()) - before;
  expect(polls).toBeGreaterThan(0);
  expect(polls).toBeLessThan(10);
  for (const free of frees) free();
  const freedMs = performance.now();
  await Promise.all(line.slice(0, 3).map(({ answer }) => answer));
  expect(performance.now() - freedMs).toBeLessThan(2000);
  await waiting(37);
  expect(await other.connections(`chat/${A}`)).toBe(3);
});

it('where Envoy would not wait so long, it is answered in time, and the log says so once', async () => {
  await start('20s');
  await take();
  const [first, second] = [await queue(1, 800), await queue(2, 800)];
  expect([shown(await first.answer), shown(await second.answer)]).toEqual([FULL, FULL]);
  const told = gate.logLines.filter((line) => String(line.msg).includes('wait is longer'));
  expect(told).toMatchObject([{ service: 'chat', waitMs: 20_000 }]);
});
