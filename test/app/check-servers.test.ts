/**
 * Checks are served on the HTTP/2 server itself, or by grpc-js on it: the same calls to both, and the client sees the same.
 * Where it does not, the last tests say what differs and why.
 */

import { constants, type OutgoingHttpHeaders } from 'node:http2';
import { deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkOf, newStream, type Stream } from '../../lab/fleet/messages.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { MessageReader } from '../../src/envoy/grpc/message-reader.ts';
import { loadServices } from '../../src/envoy/protos.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { framed } from '../support/hold.ts';
import { assertHolds } from '../support/property.ts';
import { grpcStatus, type RawCheck, RawChecker, type Seen } from '../support/raw-check.ts';

const { requestSerialize } = loadServices().authorization.Check;
const SERVERS = ['http2', 'grpc-js'] as const;
const MAX = 64 * 2 ** 10;

interface Side {
  readonly gate: TestApp;
  readonly client: RawChecker;
}
let redis: RedisServer;
const sides = {} as Record<(typeof SERVERS)[number], Side>;

beforeAll(async () => {
  redis = await startRedis();
  for (const name of SERVERS) {
    const gate = await startTestApp({
      WSGATE_LISTEN_CHECK_SERVER: name,
      WSGATE_LISTEN_MESSAGE_BYTES_MAX: '64KiB',
      WSGATE_LIMITS_DEFAULT_CONNECTIONS: '10000',
      WSGATE_LIMITS_PODS: '{full: {connections: 0}}',
      WSGATE_STORE_URL: redis.url,
      WSGATE_STORE_PREFIX: `${name}:`,
      WSGATE_STORE_DEADLINE: '10s',
    });
    sides[name] = { gate, client: new RawChecker(gate.app.grpc) };
    await vi.waitUntil(async () => (await gate.store()) === 'ok', 10_000);
  }
});
afterAll(async () => {
  for (const { gate, client } of Object.values(sides)) {
    client.close();
    await gate.stop();
  }
  await redis.stop();
});

type Act = (call: RawCheck, check: Buffer) => unknown;
interface Call {
  readonly headers?: OutgoingHttpHeaders;
  /** The headers are all that comes. */
  readonly isBare?: true;
  readonly act?: Act;
}

const plain = (stream: Stream): Buffer => requestSerialize(checkOf(stream, 'pod1'));

async function make({ client }: Side, { headers, isBare, act }: Call, stream: Stream): Promise<Seen> {
  const call = client.open(headers, isBare ?? false);
  await act?.(call, plain(stream));
  await expect.poll(() => call.grpcStatus ?? call.stream.closed, { interval: 5 }).toBeTruthy();
  if (!call.stream.closed) call.end();
  return call.seen;
}

/** What a gRPC client makes of what it sees. The messages of errors are for people: that there is one is enough. */
function meaning({ headers, trailers, body }: Seen) {
  const [code, ...text] = grpcStatus({ headers, trailers })?.split(' ') ?? [];
  return {
    http: headers?.[':status'],
    isGrpc: headers?.['content-type']?.startsWith('application/grpc') ?? false,
    isTrailersOnly: trailers === undefined,
    code,
    tells: code !== '0' && text.join('') !== '',
    body,
  };
}

/** Makes the call at both, and returns gRPC's code. */
async function same(call: Call): Promise<string | undefined> {
  const stream = newStream();
  const [short, grpcJs] = await Promise.all(SERVERS.map((name) => make(sides[name], call, stream)));
  if (!short || !grpcJs) throw new Error('there are two');
  expect(meaning(short)).toEqual(meaning(grpcJs));
  return meaning(short).code;
}

const whole: Act = (call, check) => call.stream.end(framed(check));
const gzip = { 'grpc-encoding': 'gzip' };
const tooLong = framed(Buffer.alloc(MAX + 1));

const ending = (pod: string | undefined, headers?: Record<string, string>): Act => {
  const bytes = framed(requestSerialize(checkOf(newStream(), pod, headers)));
  return (call) => call.stream.end(bytes);
};

const calls: [string, string | undefined, Call][] = [
  ['in one piece', '0', { act: whole }],
  ['of a full pod', '0', { act: ending('full') }],
  ['of no pod', '0', { act: ending(undefined) }],
  ['of no upgrade', '0', { act: ending('pod1', {}) }],
  ['whose end comes by itself', '0', { act: async (call, check) => (await call.write(framed(check))).end() }],
  ['byte by byte', '0', { act: async (call, check) => (await call.write(...bytesOf(framed(check)))).end() }],
  ['that is empty', '3', { act: (call) => call.stream.end(framed(Buffer.alloc(0))) }],
  ['of no protobuf', '13', { act: (call) => call.stream.end(framed(Buffer.from('this is no protobuf'))) }],
  ['of no protobuf, not ended', '13', { act: (call) => call.write(framed(Buffer.from('this is no protobuf'))) }],
  [
    'twice, in one piece',
    '12',
    { act: (call, check) => call.stream.end(Buffer.concat([framed(check), framed(check)])) },
  ],
  ['twice, in two', '12', { act: async (call, check) => (await call.write(framed(check), framed(check))).end() }],
  ['twice, not ended', '12', { act: (call, check) => call.write(framed(check), framed(check)) }],
  ['of which there is none', '12', { act: (call) => call.end() }],
  ['of which there is not even a frame', '12', { isBare: true }],
  ['that ends in its prefix', '12', { act: (call) => call.stream.end(Buffer.alloc(4)) }],
  ['that ends in the middle', '12', { act: (call, check) => call.stream.end(framed(check).subarray(0, -1)) }],
  [
    'and the beginning of another',
    '0',
    { act: (call, check) => call.stream.end(Buffer.concat([framed(check), Buffer.alloc(3)])) },
  ],
  ['that is too long', '8', { act: (call) => call.stream.end(tooLong) }],
  ['that says that it is too long', '8', { act: (call) => call.write(tooLong.subarray(0, 5)) }],
  ['in gzip', '0', { headers: gzip, act: (call, check) => call.stream.end(framed(gzipSync(check), 1)) }],
  [
    'in deflate',
    '0',
    { headers: { 'grpc-encoding': 'deflate' }, act: (call, check) => call.stream.end(framed(deflateSync(check), 1)) },
  ],
  [
    'in gzip, in pieces',
    '0',
    { headers: gzip, act: async (call, check) => (await call.write(...bytesOf(framed(gzipSync(check), 1)))).end() },
  ],
  ['that is not compressed although others may be', '0', { headers: gzip, act: whole }],
  ['in gzip that is none', '13', { headers: gzip, act: (call, check) => call.stream.end(framed(check, 1)) }],
  [
    'in gzip that becomes too long',
    '8',
    { headers: gzip, act: (call) => call.stream.end(framed(gzipSync(Buffer.alloc(MAX + 1)), 1)) },
  ],
  [
    'in gzip, twice',
    '12',
    {
      headers: gzip,
      act: (call, check) => call.stream.end(Buffer.concat([framed(gzipSync(check), 1), framed(check)])),
    },
  ],
  [
    'in an encoding that nobody knows',
    '12',
    { headers: { 'grpc-encoding': 'snappy' }, act: (call, check) => call.stream.end(framed(check, 1)) },
  ],
  ['with another content-type', undefined, { headers: { 'content-type': 'text/plain' }, act: whole }],
  ['with no content-type', undefined, { headers: { 'content-type': '' }, act: whole }],
  ['with a content-type of gRPC', '0', { headers: { 'content-type': 'application/grpc+proto' }, act: whole }],
  ['by PUT', '0', { headers: { ':method': 'PUT' }, act: whole }],
  ['to no such method', '12', { headers: { ':path': '/envoy.service.auth.v3.Authorization/Chek' }, act: whole }],
  [
    'with a query in the path',
    '12',
    { headers: { ':path': '/envoy.service.auth.v3.Authorization/Check?a' }, act: whole },
  ],
  ['with time enough', '0', { headers: { 'grpc-timeout': '5S' }, act: whole }],
  ['that does not come in time', '4', { headers: { 'grpc-timeout': '20m' } }],
  [
    'that comes in part in time',
    '4',
    { headers: { 'grpc-timeout': '20000u' }, act: (call, check) => call.write(framed(check)) },
  ],
  ['with a timeout that is none', '13', { headers: { 'grpc-timeout': 'soon' }, act: whole }],
  ['from nobody', '0', { headers: { 'x-wsgate-proxy': '' }, act: whole }],
];

describe('a Check', () => {
  it.each(calls)('%s gets gRPC %s from both', async (_, code, call) => {
    expect(await same(call)).toBe(code);
    expect(await same({ act: whole })).toBe('0');
  });

  it('that is cut at any byte is answered by both', async () => {
    const { length } = framed(plain(newStream()));
    const cuts = Array.from({ length: length - 1 }, (_, i) => i + 1);
    const answers = cuts.map((at) =>
      same({
        act: async (call, check) => (await call.write(framed(check).subarray(0, at), framed(check).subarray(at))).end(),
      }),
    );
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['0']));
  });
});

describe.each(SERVERS)('a Check that is cancelled, served by %s,', (name) => {
  const taken = () => sides[name].gate.connections('cancelled');
  const check = () => framed(requestSerialize(checkOf(newStream(), 'cancelled')));

  it.each<[string, Act]>([
    ['before its message', () => {}],
    ['in the middle of it', (call, bytes) => call.write(bytes.subarray(0, 20))],
    ['before its end', (call, bytes) => call.write(bytes)],
    ['with its end', (call, bytes) => call.stream.end(bytes)],
  ])('%s, takes no slot', async (_, act) => {
    const { client } = sides[name];
    const call = client.open();
    await act(call, check());
    call.stream.close(constants.NGHTTP2_CANCEL);
    expect(grpcStatus(await call.seen)).toBeUndefined();
    expect(meaning(await make(sides[name], { act: whole }, newStream())).code).toBe('0'); // it has arrived
    await expect.poll(taken).toBe(0);
  });

  it('or whose deadline passes, while the store is asked, takes no slot', async () => {
    const { client } = sides[name];
    redis.signal('SIGSTOP');
    try {
      const [given, late] = [client.open(), client.open({ 'grpc-timeout': '100m' })];
      for (const { stream } of [given, late]) stream.end(check());
      expect(grpcStatus(await late.seen)).toMatch(/^4 /);
      given.stream.close(constants.NGHTTP2_CANCEL);
      await given.seen;
    } finally {
      redis.signal('SIGCONT');
    }
    expect(meaning(await make(sides[name], { act: whole }, newStream())).code).toBe('0');
    await expect.poll(taken).toBe(0);
  });

  it('after its answer, keeps its slot', async () => {
    const call = sides[name].client.open();
    await call.write(framed(requestSerialize(checkOf(newStream(), 'answered'))));
    call.stream.end();
    await expect.poll(() => call.grpcStatus).toMatch(/^0/);
    call.stream.close(constants.NGHTTP2_CANCEL);
    expect(await sides[name].gate.connections('answered')).toBe(1);
  });
});

describe('what a client sees of the HTTP/2 server and not of grpc-js', () => {
  const seenOf = (name: (typeof SERVERS)[number], call: Call) => make(sides[name], call, newStream());

  it('no headers that say what is so without them: how the answer is not compressed, what to send, a word for OK', async () => {
    const [short, grpcJs] = [await seenOf('http2', { act: whole }), await seenOf('grpc-js', { act: whole })];
    expect(short.headers).toEqual({ ':status': 200, 'content-type': 'application/grpc' });
    expect(short.trailers).toEqual({ 'grpc-status': '0' });
    expect(grpcJs.headers).toEqual({
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-accept-encoding': 'identity,deflate,gzip',
      'grpc-encoding': 'identity',
    });
    expect(grpcJs.trailers).toEqual({ 'grpc-status': '0', 'grpc-message': 'OK' });
  });

  it('which encodings are understood, as gRPC wants it where one is not', async () => {
    const call: Call = {
      headers: { 'grpc-encoding': 'snappy' },
      act: (call, check) => call.stream.end(framed(check, 1)),
    };
    expect((await seenOf('http2', call)).headers).toMatchObject({ 'grpc-accept-encoding': 'identity,gzip,deflate' });
    expect((await seenOf('grpc-js', call)).headers).not.toHaveProperty('grpc-accept-encoding');
  });

  it('INTERNAL for a message that is compressed in no encoding, as gRPC wants it; grpc-js takes it as it is', async () => {
    const call: Call = { act: (call, check) => call.stream.end(framed(check, 1)) };
    expect(grpcStatus(await seenOf('http2', call))).toMatch(/^13 /);
    expect(grpcStatus(await seenOf('grpc-js', call))).toMatch(/^0/);
  });

  it('time for a timeout beyond 2^31 ms, which grpc-js makes a short one', async () => {
    const call = sides.http2.client.open({ 'grpc-timeout': '99999999H' });
    await call.write(framed(plain(newStream())));
    call.end();
    expect(grpcStatus(await call.seen)).toMatch(/^0/);
  });

  it('the end of an answered stream whose caller does not end it: else it could be kept for ever', async () => {
    const call = sides.http2.client.open();
    await call.write(framed(Buffer.from('this is no protobuf')));
    expect(grpcStatus(await call.seen)).toMatch(/^13 /);
  });
});

it('a reader of messages gives the same ones, however they are cut', async () => {
  const messages = fc.array(fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean()), { maxLength: 5 });
  const property = fc.asyncProperty(messages, fc.array(fc.nat(100), { minLength: 1 }), async (sent, sizes) => {
    const bytes = Buffer.concat(sent.map(([message, flag]) => framed(message, Number(flag))));
    const read: [number[], boolean][] = [];
    const reader = new MessageReader();
    for (let at = 0, i = 0; at < bytes.length; i += 1) {
      const size = 1 + (sizes[i % sizes.length] ?? 0);
      reader.read(bytes.subarray(at, at + size), (message, isCompressed) => read.push([[...message], isCompressed]));
      at += size;
    }
    expect(read).toEqual(sent.map(([message, flag]) => [[...message], flag]));
  });
  await assertHolds(property, 200);
});

function bytesOf(buffer: Buffer): Buffer[] {
  return Array.from(buffer, (byte) => Buffer.of(byte));
}
