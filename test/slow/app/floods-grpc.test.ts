/** Somebody floods the gRPC side of a whole gate from one address: there is room for so much, and others are served. */

import { type ClientHttp2Session, constants } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { lendFolder } from '../../../lab/fleet/folder.ts';
import { checkOf, entryOf, leaseIn, message, newStream, type Stream } from '../../../lab/fleet/messages.ts';
import { loadServices } from '../../../src/envoy/protos.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';
import { ANOTHER, beginning, call, connectCaller, connectMany, openOf, portOf } from '../../support/flood.ts';

const { authorization, accessLog } = loadServices();
const CHECK = authorization.Check.path;
const LOG = accessLog.StreamAccessLogs.path;
const HEALTH = '/grpc.health.v1.Health/Check';

let gate: TestApp;
const sessions: ClientHttp2Session[] = [];
const floods: Socket[] = [];
afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const socket of floods.splice(0)) socket.destroy();
  await gate.stop();
});

const ask = async () => leaseIn(await gate.check(checkOf(newStream(), 'pod1')));

function strangers(from?: string): ClientHttp2Session {
  const session = connectCaller(portOf(gate.app.grpc), from);
  sessions.push(session);
  return session;
}

/** What a Check of these bytes is answered; rejects after a second, as for a connection that was turned away. */
async function answerTo(bytes: Buffer, session: ClientHttp2Session): Promise<string | undefined> {
  const made = call(session, CHECK);
  made.stream.end(bytes);
  await expect.poll(() => made.status, { timeout: 1000 }).toBeDefined();
  return made.status;
}

const EMPTY = Buffer.alloc(5);
const MISSING = '3 attributes.request.http is missing';

describe('connections', () => {
  const env = { WSGATE_LISTEN_CONNECTIONS_MAX: '100', WSGATE_LISTEN_CONNECTIONS_PER_ADDRESS_MAX: '60' };
  const flood = async (count: number, from?: string) => {
    const sockets = await connectMany(count, portOf(gate.app.grpc), from);
    floods.push(...sockets);
    return sockets;
  };

  it('from one address are so many; those beyond are closed, and the ones of others are not', async () => {
    gate = await startTestApp(env);
    await ask();
    const stranger = await flood(300);
    await expect.poll(() => openOf(stranger)).toBe(60);
    await ask();
    leaseIn(await gate.check(checkOf(newStream(), 'pod1'), 'proxy_b'));
    expect(await gate.reached('listen.connectionsPerAddressMax')).toBe(240);
    for (const socket of stranger) socket.destroy();
    await expect.poll(() => openOf(stranger)).toBe(0);
    await expect.poll(() => answerTo(EMPTY, strangers())).toBe(MISSING);
  });

  it('are so many in all', async () => {
    gate = await startTestApp(env);
    await ask(); // the gate's own tests have one
    const one = await flood(60);
    const two = await flood(60, ANOTHER);
    await expect.poll(() => openOf([...one, ...two])).toBe(99);
    expect(await gate.reached('listen.connectionsMax')).toBe(21);
    await ask();
  });

  it('are so many in all on a unix socket, too', async () => {
    const folder = lendFolder('flood');
    const path = join(folder.path, 'gate.sock');
    gate = await startTestApp({ ...env, WSGATE_LISTEN_GRPC: `unix:${path}` });
    const sockets = Array.from({ length: 120 }, () => connect(path).on('error', () => {}));
    floods.push(...sockets);
    await expect.poll(() => openOf(sockets)).toBe(100);
    await expect.poll(() => gate.reached('listen.connectionsMax')).toBe(20);
    folder.remove();
  });
});

describe('log streams', () => {
  it('are so many in all; the ones beyond are told why, and those that are open go on', async () => {
    gate = await startTestApp({ WSGATE_LISTEN_LOG_STREAMS_MAX: '3' });
    const [first, ...others] = [gate.logStream(), gate.logStream(), gate.logStream()];
    for (const each of [first, ...others]) each?.write(message(entryOf(newStream(), 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1')).toBe(3);
    const refused = Array.from({ length: 20 }, () => gate.logStream().ended);
    for (const ended of await Promise.all(refused)) {
      expect(ended).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: 'listen.logStreamsMax is reached' });
    }
    expect(await gate.reached('listen.logStreamsMax')).toBe(20);
    await ask();
    const stream = newStream();
    first?.write(message(entryOf(stream, 'pod2', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod2')).toBe(1);
    first?.end();
    await first?.ended;
    const next = gate.logStream();
    next.write(message(entryOf(stream, 'pod2', 'DownstreamEnd')));
    await expect.poll(() => gate.connections('pod2')).toBe(0);
  });
});

describe('calls', () => {
  const env = { WSGATE_LISTEN_CALLS_MAX: '100', WSGATE_LISTEN_CALLS_PER_ADDRESS_MAX: '60' };

  it('that are begun and left so are so many from one address, whatever they are', async () => {
    gate = await startTestApp(env);
    const session = strangers();
    const calls = Array.from({ length: 100 }, (_, i) => call(session, [CHECK, LOG, '/no.such/Method'][i % 2] ?? CHECK));
    await expect.poll(() => gate.reached('listen.callsPerAddressMax')).toBe(40);
    const refused = calls.filter(({ status }) => status === '8 listen.callsPerAddressMax is reached');
    expect(refused).toHaveLength(40);
    expect(refused.every(({ stream }) => stream.closed)).toBe(true);
    await ask();
    for (const { stream } of calls) stream.close();
    await expect.poll(() => answerTo(EMPTY, session)).toBe(MISSING);
  });

  it('that are answered and never ended are closed, if they are Checks; others count as long as they are there', async () => {
    gate = await startTestApp(env);
    const session = strangers();
    const two = Buffer.alloc(10); // two messages, where one is expected
    const checks = Array.from({ length: 60 }, () => call(session, CHECK));
    for (const { stream } of checks) stream.write(two);
    await expect.poll(() => checks.every(({ stream }) => stream.closed)).toBe(true);
    const calls = Array.from({ length: 60 }, () => call(session, HEALTH));
    for (const { stream } of calls) stream.write(two);
    await expect.poll(() => calls.every(({ status }) => status !== undefined)).toBe(true);
    expect(await answerTo(EMPTY, session)).toBe('8 listen.callsPerAddressMax is reached');
    await ask();
  });

  it('are so many in all', async () => {
    gate = await startTestApp(env);
    const calls = [strangers(), strangers(ANOTHER)].flatMap((session) =>
      Array.from({ length: 60 }, () => call(session, CHECK)),
    );
    await expect.poll(() => gate.reached('listen.callsMax')).toBe(20);
    expect(calls.filter(({ status }) => status === '8 listen.callsMax is reached')).toHaveLength(20);
  });
});

describe('calls that are begun and cancelled', () => {
  const bytesOf = (stream: Stream, pod: string) => {
    const bytes = accessLog.StreamAccessLogs.requestSerialize(message(entryOf(stream, pod, 'DownstreamPeriodic')));
    return Buffer.concat([beginning(bytes.length, 0), bytes]);
  };
  /** A log stream on a session, over which one connection to pod1 has been told. */
  const logOn = async (session: ClientHttp2Session) => {
    const log = call(session, LOG);
    log.stream.write(bytesOf(newStream(), 'pod1'));
    await expect.poll(() => gate.connections('pod1')).toBe(1);
    return log;
  };
  /** As an Envoy whose Checks all take too long. */
  const cancel = (count: number, session: ClientHttp2Session) => {
    for (let i = 0; i < count; i += 1) call(session, CHECK).stream.close(constants.NGHTTP2_CANCEL);
  };

  it('leave the log stream on their connection alone: 3,000 at once are what an Envoy may cancel', async () => {
    gate = await startTestApp();
    const session = strangers();
    const log = await logOn(session);
    cancel(3000, session);
    await expect.poll(() => answerTo(EMPTY, session)).toBe(MISSING); // all of them have arrived
    for (let i = 0; i < 5; i += 1) log.stream.write(bytesOf(newStream(), 'pod1'));
    await expect.poll(() => gate.connections('pod1')).toBe(6);
    expect(session.destroyed).toBe(false);
    expect(await gate.reached('listen.streamResetBurst')).toBe(0);
  });

  it('end their connection beyond the bound, and others are served', async () => {
    gate = await startTestApp({ WSGATE_LISTEN_STREAM_RESET_BURST: '500', WSGATE_LISTEN_STREAM_RESET_RATE: '100' });
    const session = strangers();
    const log = await logOn(session);
    cancel(400, session);
    await expect.poll(() => answerTo(EMPTY, session)).toBe(MISSING);
    expect(log.stream.closed).toBe(false);
    cancel(3000, session);
    await expect.poll(() => session.destroyed).toBe(true);
    expect(log.stream.closed).toBe(true);
    expect(await gate.reached('listen.streamResetBurst')).toBe(1);
    await ask();
    await expect.poll(() => answerTo(EMPTY, strangers())).toBe(MISSING);
  });
});

describe('messages', () => {
  it('that never arrive as a whole are kept up to so many bytes of one address', async () => {
    gate = await startTestApp({
      WSGATE_LISTEN_UNFINISHED_BYTES_MAX: '4MiB',
      WSGATE_LISTEN_UNFINISHED_BYTES_PER_ADDRESS_MAX: '1MiB',
    });
    const session = strangers();
    const calls = Array.from({ length: 100 }, (_, i) => call(session, i % 2 ? CHECK : LOG));
    for (const { stream } of calls) stream.write(beginning(2 ** 20, 64 * 2 ** 10));
    // Sixteen fit; of those that come in pieces at once, fewer.
    const refused = () => calls.filter(({ status }) => status === '8 listen.unfinishedBytesPerAddressMax is reached');
    await expect.poll(() => refused().length).toBeGreaterThanOrEqual(84);
    expect(refused().length).toBeLessThan(100);
    expect(await gate.reached('listen.unfinishedBytesPerAddressMax')).toBe(refused().length);
    await ask();
    session.destroy();
    const others = strangers();
    const nearlyAll = beginning(1000 * 2 ** 10, 1000 * 2 ** 10);
    await expect.poll(() => answerTo(nearlyAll, others)).toBe(MISSING);
  });

  it('that have arrived are not counted any more, however long their stream is open', async () => {
    gate = await startTestApp({ WSGATE_LISTEN_UNFINISHED_BYTES_PER_ADDRESS_MAX: '1MiB' });
    const log = gate.logStream();
    const filler = Buffer.concat([Buffer.from([0xfa, 0x01, 0x80, 0x80, 0x20]), Buffer.alloc(2 ** 19)]); // field 31
    for (let i = 0; i < 10; i += 1) log.writeBytes(filler);
    log.end();
    expect(await log.ended).toBe('ok');
  });

  it('that are longer than listen.messageBytesMax are refused by their first bytes', async () => {
    gate = await startTestApp({ WSGATE_LISTEN_MESSAGE_BYTES_MAX: '10KiB' });
    const session = strangers();
    const [begun, small] = [call(session, LOG), call(session, LOG)];
    begun.stream.write(beginning(20 * 2 ** 10, 1));
    small.stream.write(beginning(11 * 2 ** 10, 11 * 2 ** 10)); // all of it in one piece
    for (const each of [begun, small]) {
      await expect.poll(() => each.status).toBe('8 listen.messageBytesMax is reached');
    }
    expect(await gate.reached('listen.messageBytesMax')).toBe(2);
    await ask();
  });
});
