/** Which Envoys ask whether their gate is there, on real HTTP/2 connections; only the clock is turned by hand. */

import { type ClientHttp2Session, connect, createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Keepalives } from '../../src/envoy/grpc/keepalives.ts';

const MINUTE_MS = 60_000;

let server: Http2Server;
let keepalives: Keepalives;
let session: ClientHttp2Session;
let accepting: ServerHttp2Session;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  keepalives = new Keepalives();
  server = createServer();
  keepalives.bound(server);
  const listening = new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await listening;
  const accepted = new Promise<ServerHttp2Session>((resolve) => server.once('session', resolve));
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await new Promise((resolve) => session.once('connect', resolve));
  accepting = await accepted;
});
afterEach(() => {
  vi.useRealTimers();
  session.destroy();
  server.close();
});

const peer = () => `${session.socket.localAddress}:${session.socket.localPort}`;
/** Resolves when the gate has seen it. */
async function ping(): Promise<void> {
  const seen = new Promise((resolve) => accepting.once('ping', resolve));
  session.ping(() => {});
  await seen;
}

it('one that has said nothing for a minute never asks; before, nobody knows', () => {
  vi.advanceTimersByTime(MINUTE_MS - 1);
  expect(keepalives.of(peer())).toBeUndefined();
  vi.advanceTimersByTime(2);
  expect(keepalives.of(peer())).toBe(0);
});

it('one that asks does so at the interval between its last two pings', async () => {
  await ping();
  vi.advanceTimersByTime(3000);
  await ping();
  expect(keepalives.of(peer())).toBe(3000);
});

it('a connection that is gone is not known any more', async () => {
  const name = peer();
  session.destroy();
  vi.advanceTimersByTime(2 * MINUTE_MS);
  await expect.poll(() => keepalives.of(name)).toBeUndefined();
});
