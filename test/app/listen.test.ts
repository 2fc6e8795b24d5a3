/** Where the gate listens for Envoys: a unix socket, TLS, mutual TLS; and what it says of its health there. */

import { X509Certificate } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { credentials, status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, hasOpenssl, type KeyPair, read } from '../../lab/fleet/certificates.ts';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { startGate } from '../../lab/fleet/gate.ts';
import { machineNow } from '../../lab/fleet/machine-time.ts';
import { checkOf, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { connectHealth } from '../support/health.ts';
import { HoldCaller } from '../support/hold.ts';

/** By this Node tells of a server that listens; where `http2-servers.ts` hears of grpc-js's. */
const LISTENING = 'tracing:net.server.listen:asyncStart';

const apps: TestApp[] = [];
afterEach(() => Promise.all(apps.splice(0).map((app) => app.stop())));

async function start(...args: Parameters<typeof startTestApp>): Promise<TestApp> {
  const app = await startTestApp(...args);
  apps.push(app);
  return app;
}

const ask = (app: TestApp) => app.check(checkOf(newStream(), 'pod1'));

describe('on a unix socket', () => {
  const folder = lendFolder('socket');
  const socket = join(folder.path, 'gate.sock');
  const env = { WSGATE_LISTEN_GRPC: `unix:${socket}` };
  afterAll(() => folder.remove());

  it('it serves, and takes the socket away when it stops', async () => {
    const app = await start(env);
    leaseIn(await ask(app));
    expect(existsSync(socket)).toBe(true);
    await app.stop();
    expect(existsSync(socket)).toBe(false);
  });

  it('it starts over the socket that a killed gate has left', async () => {
    const killed = await startGate({ grpcSocket: socket });
    killed.kill('SIGKILL');
    await killed.ended;
    expect(existsSync(socket)).toBe(true);
    leaseIn(await ask(await start(env)));
  });

  it('it does not start where another gate listens, and leaves that one alone', async () => {
    const first = await start(env);
    await expect(startTestApp(env)).rejects.toThrow(
      `listen.grpc: cannot listen on unix:${socket}: another process listens there`,
    );
    leaseIn(await ask(first));
    leaseIn(await ask(await start({ WSGATE_LISTEN_GRPC: `unix:${socket}2` })));
  });

  it('it does not start where there is a file of another kind, and leaves it alone', async () => {
    const file = join(folder.path, 'notes.txt');
    writeFileSync(file, 'mine');
    await expect(startTestApp({ WSGATE_LISTEN_GRPC: `unix:${file}` })).rejects.toThrow(
      `listen.grpc: cannot listen on unix:${file}: a file is there that is no socket`,
    );
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('it says so when the folder is not there', async () => {
    const file = join(folder.path, 'absent', 'gate.sock');
    await expect(startTestApp({ WSGATE_LISTEN_GRPC: `unix:${file}` })).rejects.toThrow(
      `listen.grpc: cannot listen on unix:${file}: `,
    );
  });
});

describe.skipIf(!hasOpenssl)('with certificates', () => {
  let ours: Authority;
  let others: Authority;
  let server: KeyPair;
  let env: Record<string, string>;
  beforeAll(async () => {
    [ours, others] = await Promise.all([createAuthority(), createAuthority()]);
    server = await ours.issue('gate');
    // By its name: no TLS server name is an IP address (RFC 6066, section 3).
    const tls = { WSGATE_LISTEN_TLS_CERT: server.cert, WSGATE_LISTEN_TLS_KEY: server.key };
    env = { WSGATE_LISTEN_GRPC: 'localhost:0', ...tls };
  });

  const decisions = async (app: TestApp) =>
    (await (await app.get('/metrics')).text()).match(/^wsgate_decisions_total.* [1-9]/gm) ?? [];

  it('it serves over TLS those who trust its authority, and nobody in plain text', async () => {
    leaseIn(await ask(await start(env, credentials.createSsl(read(ours).cert))));
    const distrusted = await start(env, credentials.createSsl(read(others).cert));
    expect(await ask(distrusted)).toMatchObject({ code: status.UNAVAILABLE });
    expect(await decisions(distrusted)).toEqual([]);
    const plain = await start(env, credentials.createInsecure());
    expect(await ask(plain)).toMatchObject({ code: status.UNAVAILABLE });
    expect(await decisions(plain)).toEqual([]);
  });

  it('with an authority for clients, it serves those with a certificate of it, and nobody else', async () => {
    const mutual = { ...env, WSGATE_LISTEN_TLS_CA: ours.cert };
    const as = (pair?: KeyPair) => {
      const { cert, key } = pair ? read(pair) : { cert: null, key: null };
      return credentials.createSsl(read(ours).cert, key, cert);
    };
    leaseIn(await ask(await start(mutual, as(await ours.issue('client')))));
    for (const stranger of [as(), as(await others.issue('client'))]) {
      const app = await start(mutual, stranger);
      expect(await ask(app)).toMatchObject({ code: status.UNAVAILABLE });
      expect(await decisions(app)).toEqual([]);
    }
  });

  it('an Envoy is who the URI in its certificate says, with proxy.from: [certificate]', async () => {
    const named = { ...env, WSGATE_LISTEN_TLS_CA: ours.cert, WSGATE_PROXY_FROM: 'certificate' };
    const { cert, key } = read(await ours.issue('envoy_c', 'URI:spiffe://example.org/ns/edge/sa/envoy, DNS:localhost'));
    const app = await start(named, credentials.createSsl(read(ours).cert, key, cert));
    const lease = leaseIn(await app.check(checkOf(newStream(), 'pod1'), 'envoy_b'));
    expect(lease).toMatch(/^spiffe:\/\/example\.org\/ns\/edge\/sa\/envoy_/);
    expect(await app.fleet()).toHaveProperty(
      'websocket_proxy_connections{proxy_id="spiffe://example.org/ns/edge/sa/envoy"}',
      1,
    );
    expect(await app.api.release('pod1', lease)).toMatchObject({ released: true, closed: false });
    expect(await app.connections('pod1')).toBe(0);
  });

  it('an Envoy is who its certificate says, and can free and renew its own leases only', async () => {
    const named = { ...env, WSGATE_LISTEN_TLS_CA: ours.cert, WSGATE_PROXY_FROM_CERTIFICATE: 'true' };
    const { cert, key } = read(await ours.issue('envoy_a'));
    const app = await start(named, credentials.createSsl(read(ours).cert, key, cert));
    const stream = newStream();
    const lease = leaseIn(await app.check(checkOf(stream, 'pod1'), 'envoy_b'));
    expect(lease).toMatch(/^envoy_a_/);
    const log = app.logStream('envoy_b');
    const foreign = lease.replace('envoy_a', 'envoy_b');
    log.write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic', { lease: foreign })));
    await expect
      .poll(async () => (await app.get('/metrics')).text())
      .toContain('wsgate_access_log_entries_total{kind="malformed"} 1');
    log.write(message(entryOf(stream, 'pod1', 'DownstreamEnd', { lease })));
    await expect.poll(() => app.connections('pod1')).toBe(0);
  });

  it('an Envoy with the hold door is who its certificate says, and can hold and free its own leases only', async () => {
    const named = { ...env, WSGATE_LISTEN_TLS_CA: ours.cert, WSGATE_PROXY_FROM_CERTIFICATE: 'true' };
    const { cert, key } = read(await ours.issue('envoy_a'));
    const app = await start(named, credentials.createSsl(read(ours).cert, key, cert));
    const stream = newStream();
    const lease = leaseIn(await app.check(checkOf(stream, 'pod1')));
    const other = read(await ours.issue('envoy_b'));
    const port = app.app.grpc.split(':').at(-1);
    const envoy = new HoldCaller(`localhost:${port}`, { ca: read(ours).cert, cert: other.cert, key: other.key });
    const fields = { 'wsgate.lease': { stringValue: lease }, 'wsgate.pod': { stringValue: 'pod1' } };
    const metadataContext = { filterMetadata: { 'envoy.filters.http.ext_authz': { fields } } };
    const call = envoy.ask(stream, 'pod1', { metadataContext });
    await expect.poll(() => app.fleet()).toMatchObject({ 'websocket_proxy_connections{proxy_id="envoy_b"}': 1 });
    call.stream.end();
    await expect.poll(() => app.connections('pod1')).toBe(1);
    expect((await app.api.connections('pod1', 10)).connections).toMatchObject([{ lease }]);
    envoy.cut();
  });

  it('a renewed certificate is used without a restart, and one that makes no sense is not', async () => {
    const folder = lendFolder('renewed');
    const files = { cert: join(folder.path, 'tls.crt'), key: join(folder.path, 'tls.key') };
    const put = (pair: KeyPair, names: readonly ('cert' | 'key')[]) => {
      for (const name of names) writeFileSync(files[name], read(pair)[name]);
    };
    put(server, ['cert', 'key']);
    const tls = { WSGATE_LISTEN_TLS_CERT: files.cert, WSGATE_LISTEN_TLS_KEY: files.key };
    const app = await start({ ...env, ...tls }, credentials.createSsl(read(ours).cert));
    const authorityAt = async () => {
      const socket = tlsConnect({
        port: Number(app.app.grpc.split(':').at(-1)),
        host: 'localhost',
        rejectUnauthorized: false,
      });
      await once(socket, 'secureConnect');
      const shown = socket.getPeerX509Certificate();
      socket.destroy();
      return shown?.verify(new X509Certificate(read(others).cert).publicKey) ? 'others' : 'ours';
    };
    expect(await authorityAt()).toBe('ours');
    const renewed = await others.issue('renewed');
    put(renewed, ['cert']); // and its key is still to come
    await expect
      .poll(() => app.logLines)
      .toContainEqual(expect.objectContaining({ complaint: expect.stringContaining('is not the key of') }));
    expect(await authorityAt()).toBe('ours');
    put(renewed, ['key']);
    await expect.poll(authorityAt).toBe('others');
    folder.remove();
  });

  it('a connection that never says anything does not hold up a stop', async () => {
    const { app } = await startTestApp(env);
    const silent = connect({ host: 'localhost', port: Number(app.grpc.split(':').at(-1)) });
    silent.on('error', () => {});
    await once(silent, 'connect');
    const startedAt = machineNow();
    expect(await app.stop()).toBe(true);
    expect(machineNow() - startedAt).toBeLessThan(1500);
    silent.destroy();
  });

  it.each([
    ['cert', 'certificate', 'holds no certificate in PEM'],
    ['key', 'private key', 'holds no private key in PEM, or one with a passphrase'],
    ['ca', 'authority', 'holds no certificate in PEM'],
  ])('it does not start when listen.tls.%s is missing or no %s', async (name, _what, complaint) => {
    const folder = lendFolder('garbage');
    const garbage = join(folder.path, 'garbage.pem');
    writeFileSync(garbage, '-----BEGIN GARBAGE-----\n');
    const using = (file: string) => startTestApp({ ...env, [`WSGATE_LISTEN_TLS_${name.toUpperCase()}`]: file });
    await expect(using(garbage)).rejects.toThrow(`listen.tls.${name}: ${garbage} ${complaint}`);
    await expect(using('/absent.pem')).rejects.toThrow(
      `listen.tls.${name}: /absent.pem cannot be read: no such file or directory`,
    );
    folder.remove();
  });

  it("it does not start with another certificate's key", async () => {
    const { key } = await ours.issue('other');
    await expect(startTestApp({ ...env, WSGATE_LISTEN_TLS_KEY: key })).rejects.toThrow(
      `listen.tls.key: ${key} is not the key of the certificate ${server.cert}`,
    );
  });
});

describe('grpc.health.v1', () => {
  it('says SERVING, and NOT_FOUND of a service that is not there', async () => {
    const client = connectHealth((await start()).app.grpc);
    expect(await client.check()).toBe('SERVING');
    expect(await client.check('nobody')).toContain('unknown for service nobody');
    client.close();
  });

  it('tells those who watch that the gate stops, and does not wait for them', async () => {
    const { app } = await startTestApp();
    const client = connectHealth(app.grpc);
    const watch = client.watch();
    await expect.poll(() => watch.statuses).toEqual(['SERVING']);
    expect(await app.stop()).toBe(true); // within stop.deadline
    await watch.ended;
    expect(watch.statuses).toEqual(['SERVING', 'NOT_SERVING']);
    client.close();
  });
});

it('where the HTTP/2 server beneath grpc-js cannot be found, grpc-js serves Checks, and one line says what is missing', async () => {
  const hide = (message: unknown) => void Object.assign(message as object, { server: createServer() });
  subscribe(LISTENING, hide); // before the gate's own
  try {
    const app = await start();
    leaseIn(await ask(app));
    expect(await app.checkBytes(Buffer.alloc(0))).toMatchObject({ code: status.INVALID_ARGUMENT });
    const held = new HoldCaller(app.app.grpc).ask(newStream());
    await expect.poll(() => held.status).toMatch(/^12 /);
    expect(app.logLines.filter(({ level }) => Number(level) >= 50)).toMatchObject([
      {
        msg: expect.stringMatching(/^the HTTP\/2 server beneath grpc-js cannot be had: .* the hold door is not served/),
      },
    ]);
  } finally {
    unsubscribe(LISTENING, hide);
  }
});
