/** The hold door, and what the ends of its streams mean. */

import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { ATTRIBUTES } from '../../src/envoy/protos.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { bytesOf, framed, HoldCaller, identityOf, upgradeOf } from '../support/hold.ts';

let gate: TestApp;
let envoy: HoldCaller;
async function start(env: Record<string, string> = {}): Promise<void> {
  gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '2', ...env });
  envoy = new HoldCaller(gate.app.grpc);
}
afterEach(async () => {
  envoy.cut();
  await gate.stop();
});

const counts = (count: number) => expect.poll(() => gate.connections('pod1'), { interval: 20 }).toBe(count);
const holds = async () => /^wsgate_held_streams (\d+)$/m.exec(await (await gate.get('/metrics')).text())?.[1];
const holdsNow = (count: number) => expect.poll(holds, { interval: 20 }).toBe(String(count));

describe('an upgrade', () => {
  beforeEach(() => start());

  it('that is let in gets lease and pod as metadata, the header for the pod, and its stream stays open', async () => {
    const call = envoy.ask(newStream());
    await expect.poll(() => call.answers).toHaveLength(1);
    const [answer] = call.answers;
    const mutation = answer?.requestHeaders?.response?.headerMutation;
    const [header] = mutation?.setHeaders ?? [];
    expect(header?.header?.key).toBe('x-connection-id');
    const lease = Buffer.from(header?.header?.rawValue ?? []).toString();
    expect(lease).toMatch(/^proxy_a_/);
    expect(header?.appendAction).toBe('OVERWRITE_IF_EXISTS_OR_ADD');
    expect(answer?.modeOverride).toEqual({ responseHeaderMode: 'SKIP', responseTrailerMode: 'SEND' });
    await holdsNow(1);
    const { connections } = await gate.api.connections('pod1', 10);
    expect(connections).toMatchObject([{ lease, proxy: 'proxy_a', path: '/pod1/chat' }]);
    expect(call.status).toBeUndefined();
  });

  it('beyond the limit gets the answer that a Check would get', async () => {
    for (const _ of [1, 2]) envoy.ask(newStream());
    await holdsNow(2);
    const call = envoy.ask(newStream());
    await expect.poll(() => call.status).toBe('0 ');
    const denied = call.answers[0]?.immediateResponse;
    const headers = denied?.headers?.setHeaders?.map(
      ({ header }) => `${header?.key}: ${Buffer.from(header?.rawValue ?? []).toString()}`,
    );
    expect(denied?.status?.code).toBe(429);
    expect(headers).toEqual(['content-type: application/json', 'retry-after: 5']);
    expect(Buffer.from(denied?.body ?? []).toString()).toBe('{"error":"LIMIT_EXCEEDED","retry_after":5}');
    expect(denied?.details).toBe('wsgate_limit_exceeded');
    expect(await gate.connections('pod1')).toBe(2);
  });

  it('without a pod or a proxy is refused, and the log says what was looked at', async () => {
    const nobody = envoy.open(identityOf(newStream()));
    nobody.send({ ...upgradeOf('pod1'), attributes: {} });
    await expect.poll(() => nobody.answers[0]?.immediateResponse?.status?.code).toBe(403);
    expect(gate.logLines.find(({ msg }) => msg === 'denied an upgrade')).toMatchObject({
      reason: 'PROXY_UNKNOWN',
      path: '/pod1/chat',
      host: 'edge.example',
    });
  });

  it('that ext_authz has let in is held under its lease, and asked about no more', async () => {
    const stream = newStream();
    const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
    const fields = { lease: { stringValue: lease }, pod: { stringValue: 'pod1' } };
    const call = envoy.ask(stream, 'pod1', {
      metadataContext: { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } },
    });
    await holdsNow(1);
    expect(await gate.connections('pod1')).toBe(1);
    call.stream.end();
    await counts(0);
  });

  it('that ext_authz has let in and that is over before its stream is read takes no slot: a gate that hung reads it late', async () => {
    const stream = newStream();
    const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
    await gate.api.release('pod1', lease);
    const fields = { lease: { stringValue: lease }, pod: { stringValue: 'pod1' } };
    const asked = { metadataContext: { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } } };
    envoy.ask(stream, 'pod1', asked).stream.end();
    const next = envoy.ask(newStream(), 'pod1');
    await holdsNow(1);
    await new Promise((resolve) => setTimeout(resolve, 1500)); // longer than a renewal waits
    expect(await gate.connections('pod1')).toBe(1);
    next.stream.end();
    await counts(0);
  });

  it('that ext_authz has let in at one pod, and whose route leads to another by now, is held there, and it is told', async () => {
    const stream = newStream();
    const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
    const fields = { 'wsgate.lease': { stringValue: lease }, 'wsgate.pod': { stringValue: 'pod1' } };
    const call = envoy.ask(stream, 'pod2', {
      metadataContext: { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } },
    });
    await expect.poll(() => gate.connections('pod2')).toBe(1);
    await counts(0);
    expect(gate.logLines.filter(({ level }) => level === 50)).toMatchObject([
      { who: 'proxy_a', from: 'pod1', pod: 'pod2', see: 'docs/troubleshooting.md#rerouted' },
    ]);
    const closing = gate.api.close('pod2', lease);
    await expect.poll(() => call.answers.at(-1)?.immediateResponse?.status?.code).toBe(503);
    call.endAndReset();
    expect(await closing).toEqual({ closed: true });
    await expect.poll(() => gate.connections('pod2')).toBe(0);
  });

  it('with the lease of another stream in its metadata gets one of its own', async () => {
    const lease = leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
    const fields = { lease: { stringValue: lease }, pod: { stringValue: 'pod1' } };
    const call = envoy.ask(newStream(), 'pod1', {
      metadataContext: { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } },
    });
    await counts(2);
    call.stream.end();
    await counts(1);
    expect((await gate.api.connections('pod1', 10)).connections).toMatchObject([{ lease }]);
  });

  it.each([
    ['internal listener', { 'x-wsgate-start': '1763696781.123456000', 'x-wsgate-peer': 'envoy://inner/pods' }, {}],
    ['forwarded address', {}, { [ATTRIBUTES.time]: '2025-11-21T03:46:21.123456Z', [ATTRIBUTES.peer]: '203.0.113.7:0' }],
  ])(
    'that begins in the same microsecond as another one of the same %s gets a lease of its own',
    async (_, sent, shown) => {
      const calls = [1, 2].map(() => {
        const call = envoy.open(sent);
        call.send(upgradeOf('pod1', undefined, shown));
        return call;
      });
      await holdsNow(2);
      expect(await gate.connections('pod1')).toBe(2);
      calls[0]?.stream.end();
      await counts(1);
    },
  );

  it('whose bytes come one by one is read', async () => {
    const call = envoy.open(identityOf(newStream()));
    for (const byte of bytesOf(upgradeOf('pod1'))) call.stream.write(Buffer.of(byte));
    await holdsNow(1);
    await expect.poll(() => call.answers).toHaveLength(1);
  });
});

describe('the slot of a held connection', () => {
  beforeEach(() => start({ WSGATE_LEASE_TTL: '4s', WSGATE_LEASE_GRACE: '5s' }));

  it('is free when Envoy ends its half, with a reset behind it or without', async () => {
    const [ended, reset] = [envoy.ask(newStream()), envoy.ask(newStream())];
    await holdsNow(2);
    ended.stream.end();
    await counts(1);
    reset.endAndReset();
    await counts(0);
    await holdsNow(0);
  });

  it('stays when the stream is reset or its connection is cut: the WebSocket may live', async () => {
    const other = new HoldCaller(gate.app.grpc);
    other.ask(newStream());
    const reset = envoy.ask(newStream());
    await holdsNow(2);
    other.cut();
    reset.reset();
    await holdsNow(0);
    expect(await gate.connections('pod1')).toBe(2);
  });

  it('that somebody frees by force is free because its connection is closed', async () => {
    const call = envoy.ask(newStream());
    await holdsNow(1);
    const [held] = (await gate.api.connections('pod1', 1)).connections;
    const releasing = gate.api.release('pod1', held?.lease ?? '');
    await expect.poll(() => call.answers[1]?.immediateResponse?.details).toBe('wsgate_released_by_force');
    call.reset();
    expect(await releasing).toEqual({ released: true, closed: true });
    await counts(0);
    const labels = { pod: 'pod1', proxy: 'proxy_a', reason: 'released_by_force' };
    const closings = async () =>
      (await gate.api.events(100)).events.filter(({ type }) => type === 'connection.closing').map(({ data }) => data);
    await expect.poll(closings).toMatchObject([{ labels, lease: held?.lease }]);
  });

  it('that somebody frees by force is taken again where Envoy does not close it, and the answer says so', async () => {
    const call = envoy.ask(newStream());
    await holdsNow(1);
    const [held] = (await gate.api.connections('pod1', 1)).connections;
    expect(await gate.api.release('pod1', held?.lease ?? '')).toMatchObject({
      released: true,
      closed: false,
      why: expect.stringContaining('Envoy has not ended it'),
    });
    await counts(1);
    call.stream.end();
    await counts(0);
  });

  it('is not said to be closed when its stream breaks before Envoy has obeyed', async () => {
    const call = envoy.ask(newStream());
    await holdsNow(1);
    const [held] = (await gate.api.connections('pod1', 1)).connections;
    const closing = gate.api.close('pod1', held?.lease ?? '');
    await expect.poll(() => call.answers.some(({ immediateResponse }) => immediateResponse)).toBe(true);
    envoy.cut();
    expect(await closing).toMatchObject({ closed: false, why: expect.stringContaining('stream broke') });
    expect(await gate.connections('pod1')).toBe(1);
  });

  it('is told in the metrics by what keeps it: a stream, the log, nothing', async () => {
    const [unheld, logged] = [newStream(), newStream()];
    envoy.ask(unheld);
    await holdsNow(1);
    envoy.cut();
    await holdsNow(0);
    envoy = new HoldCaller(gate.app.grpc);
    envoy.ask(newStream());
    gate.logStream().write(message(entryOf(logged, 'pod2', 'DownstreamPeriodic')));
    const kept = async () =>
      [...(await (await gate.get('/metrics')).text()).matchAll(/^wsgate_proxy_leases\{(.*)\} (\d+)$/gm)].map(
        ([, labels, count]) => `${labels} ${count}`,
      );
    await expect
      .poll(kept)
      .toEqual(['held', 'renewed', 'unrenewed'].map((how) => `proxy_id="proxy_a",kept="${how}" 1`));
  });

  it('is free when the log then tells its end', async () => {
    const stream = newStream();
    envoy.ask(stream);
    await holdsNow(1);
    envoy.cut();
    await holdsNow(0);
    gate.logStream().write(message(entryOf(stream, 'pod1', 'DownstreamEnd')));
    await counts(0);
  });

  it('stays while its stream is open, whatever the log leaves out', async () => {
    envoy.ask(newStream());
    await holdsNow(1);
    const log = gate.logStream();
    const logged = newStream();
    await gate.check(checkOf(logged, 'pod1'));
    // The proxy renews another connection, often enough to be known for it, and never this one.
    const beganMs = Date.now();
    while (Date.now() - beganMs < 11_000) {
      log.write(message(entryOf(logged, 'pod1', 'DownstreamPeriodic')));
      await new Promise((resolve) => setTimeout(resolve, 800));
    }
    expect(await gate.connections('pod1')).toBe(2);
    envoy.cut();
    // Nor is it taken afterwards: that log has never spoken of it.
    while (Date.now() - beganMs < 24_000) {
      log.write(message(entryOf(logged, 'pod1', 'DownstreamPeriodic')));
      await new Promise((resolve) => setTimeout(resolve, 800));
    }
    expect(await gate.connections('pod1')).toBe(2);
  }, 60_000);

  it('is free when its client leaves before the answer', async () => {
    const call = envoy.open(identityOf(newStream()));
    call.stream.write(bytesOf(upgradeOf('pod1')));
    call.stream.end();
    await expect.poll(() => call.status).toBe('0 ');
    await counts(0);
  });

  it('is not freed by the first of two streams that claim it', async () => {
    const stream = newStream();
    const [first, second] = [envoy.ask(stream), envoy.ask(stream)];
    await expect.poll(() => [first.answers.length, second.answers.length]).toEqual([1, 1]);
    first.stream.end();
    await expect.poll(() => first.status).toBe('0 ');
    expect(await gate.connections('pod1')).toBe(1);
    second.stream.end();
    await counts(0);
  });

  it('stays when the gate stops, which ends the stream with OK, and one that has asked for nothing with an error', async () => {
    const silent = envoy.open();
    const call = envoy.ask(newStream());
    await holdsNow(1);
    await gate.app.stop();
    expect(call.status).toBe('0 ');
    expect(silent.status).toBe(`${status.UNAVAILABLE} this gate stops`);
    expect(call.answers).toHaveLength(1);
  });
});

describe('what no Envoy would send', () => {
  beforeEach(() => start({ WSGATE_LISTEN_HELD_STREAMS_MAX: '3', WSGATE_LIMITS_DEFAULT_CONNECTIONS: '100' }));

  it('is answered, and costs nobody a slot', async () => {
    const garbage = envoy.open();
    garbage.stream.write(framed(Buffer.from([0xff, 0xff, 0xff])));
    await expect.poll(() => garbage.status).toBe(`${status.INVALID_ARGUMENT} not the bytes of a ProcessingRequest`);
    const compressed = envoy.open();
    compressed.stream.write(framed(Buffer.alloc(3), 1));
    await expect.poll(() => compressed.status).toMatch(/^12 /);
    const nameless = envoy.open();
    nameless.send(upgradeOf('pod1'));
    await expect.poll(() => nameless.status).toMatch(/^3 x-wsgate-start/);
    const text = envoy.open({ 'content-type': 'text/plain' });
    await expect.poll(() => text.httpStatus).toBe(415);
    const twice = envoy.ask(newStream());
    await holdsNow(1);
    twice.send(upgradeOf('pod1'));
    await expect.poll(() => twice.status).toMatch(/^3 the headers/);
    await holdsNow(0);
  });

  it('and asks on and on without reading the answers is broken off, and keeps its slot', async () => {
    const call = envoy.ask(newStream());
    await expect.poll(() => call.answers).toHaveLength(1);
    call.stream.pause();
    call.stream.write(Buffer.concat(Array(40_000).fill(bytesOf({ responseTrailers: {} }))));
    await holdsNow(0);
    expect(await gate.connections('pod1')).toBe(1);
    envoy.ask(newStream());
    await counts(2);
  });

  it('beyond listen.heldStreamsMax is turned away, and Checks are not', async () => {
    for (const _ of [1, 2, 3]) envoy.ask(newStream());
    await holdsNow(3);
    const call = envoy.ask(newStream());
    await expect.poll(() => call.status).toBe(`${status.RESOURCE_EXHAUSTED} listen.heldStreamsMax is reached`);
    leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
    expect(await gate.reached('listen.heldStreamsMax')).toBe(1);
  });
});

it('what is no upgrade goes on at once, and its stream ends; what comes later all the same is let through', async () => {
  await start();
  const plain = envoy.open(identityOf(newStream()));
  plain.send(upgradeOf('pod1', { upgrade: 'h2c' }));
  await expect.poll(() => plain.status).toBe('0 ');
  expect(plain.answers).toEqual([
    {
      requestHeaders: {
        response: { headerMutation: { removeHeaders: ['x-connection-id', 'x-gateway-destination-endpoint'] } },
      },
      modeOverride: { responseHeaderMode: 'SKIP', responseTrailerMode: 'SKIP' },
    },
  ]);
  const call = envoy.ask(newStream());
  call.send({ responseHeaders: {} });
  call.send({ responseTrailers: {} });
  await expect.poll(() => call.answers.slice(1)).toEqual([{ responseHeaders: {} }, { responseTrailers: {} }]);
});
