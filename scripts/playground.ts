/**
 * `npm start`: a gate, three Envoys, three sample pods and a service of three more on this machine, until Ctrl-C. With REDIS_URL the leases live
 * in that Redis, else in the gate.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { relative } from 'node:path';
import { type Envoy, startEnvoy } from '../lab/fleet/envoy.ts';
import { type Gate, startGate } from '../lab/fleet/gate.ts';
import { type Pod, startPod } from '../lab/fleet/pod.ts';
import { lastLines, type Program } from '../lab/fleet/processes.ts';
import { parseStoreUrl } from '../src/config/store-url.ts';
import { createRedis } from '../src/redis/client.ts';
import { prepare } from '../src/redis/fitness.ts';
import { CHAT_FILE, CHAT_LIMIT, CHAT_PORTS, writeChat } from './chat.ts';

const GRPC_PORT = 7070;
const HTTP_PORT = 7071;
const PROXIES = { proxy_a: 10001, proxy_b: 10002, proxy_c: 10003 };
const PODS = ['pod1', 'pod2', 'pod3'];
const LIMIT = 100;
/** Pods of the service. */
const CHAT_AT_FIRST = 3;
const REDIS_DEADLINE_MS = 3000;

interface Playground {
  readonly gate: Gate;
  readonly envoys: readonly Envoy[];
  readonly pods: readonly Pod[];
  /** Those of the service. */
  readonly chat: readonly Pod[];
}

async function main(redisUrl: string | undefined): Promise<void> {
  // Before all is up there is nothing to end in order, and what is there goes with this process.
  const giveUp = (): void => process.exit(130);
  let onSignal = giveUp;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => onSignal());

  const begun = performance.now();
  if (redisUrl !== undefined) await refuseUnusableRedis(redisUrl);
  const chat = Object.fromEntries(CHAT_PORTS.map((port) => [chatName(port), port]));
  await refuseTakenPorts({ 'the gate (gRPC)': GRPC_PORT, 'the gate (HTTP)': HTTP_PORT, ...PROXIES, ...chat });
  const playground = await build(redisUrl);
  console.log(description(playground, redisUrl !== undefined, (performance.now() - begun) / 1000));

  const interrupted = new Promise<undefined>((resolve) => {
    onSignal = () => {
      onSignal = giveUp;
      resolve(undefined);
    };
  });
  const lost = await Promise.race([interrupted, firstToEnd([playground.gate, ...playground.envoys])]);
  if (lost) console.error(`\n${lost.name} ended: ${await lost.ended}. Its last lines:\n${lastLines(lost.lines())}\n`);
  await tearDown(playground);
  console.log(lost ? 'Stopped the rest.' : '\nStopped.');
  process.exitCode = lost ? 1 : 0;
}

async function build(redisUrl: string | undefined): Promise<Playground> {
  const pods = await Promise.all(PODS.map((name) => startPod({ name })));
  const podPorts = Object.fromEntries(pods.map(({ name, port }) => [name, port]));
  const chat = await Promise.all(CHAT_PORTS.map((port) => startPod({ name: chatName(port), port })));
  writeChat(CHAT_AT_FIRST);
  const gate = startGate({
    // Nobody is connected yet: there is nothing that a new store could have lost.
    config: {
      limits: { default: { connections: LIMIT } },
      services: { chat: { endpoints: { file: CHAT_FILE }, connections: CHAT_LIMIT, fallbacks: 2 } },
      lease: { recovery: '0s' },
    },
    grpcPort: GRPC_PORT,
    httpPort: HTTP_PORT,
    env: redisUrl === undefined ? {} : { REDIS_URL: redisUrl },
  });
  const envoys = Object.entries(PROXIES).map(([proxyId, listenPort]) =>
    startEnvoy({ proxyId, listenPort, gate: `127.0.0.1:${GRPC_PORT}`, pods: podPorts, servicePods: CHAT_PORTS }),
  );
  const [ready, ...proxies] = await Promise.all([gate, ...envoys]);
  return { gate: ready, envoys: proxies, pods, chat };
}

/** The Envoys first: so the gate hears of every close. */
async function tearDown({ gate, envoys, pods, chat }: Playground): Promise<void> {
  await Promise.all(envoys.map((envoy) => envoy.stop()));
  await gate.stop();
  await Promise.all([...pods, ...chat].map((pod) => pod.stop()));
}

function firstToEnd(programs: readonly Program[]): Promise<Program> {
  return Promise.race(programs.map((program) => program.ended.then(() => program)));
}

/** The gate would wait for it, and log it in JSON. What is no address of a Redis is the gate's to judge. */
async function refuseUnusableRedis(text: string): Promise<void> {
  const url = parseStoreUrl(text);
  if (!url) return;
  const where = url.kind === 'unix' ? url.path : URL.parse(text)?.host;
  const redis = createRedis(url, REDIS_DEADLINE_MS, {}, {}, { silenceMs: REDIS_DEADLINE_MS });
  try {
    await once(redis, 'ready'); // rejects at the first `error`
    const { unfit } = await prepare(redis, { scripts: [], key: 'ws:process', judgeContent: undefined });
    if (unfit !== undefined) throw new Error(unfit);
  } catch (error) {
    // The system's errors have a code; those without are what Redis answered.
    const isThere = error instanceof Error && !('code' in error);
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`REDIS_URL: ${isThere ? `the Redis at ${where} cannot be used` : `no Redis at ${where}`}: ${why}`);
  } finally {
    redis.on('error', () => {}); // there may be others
    redis.disconnect();
  }
}

function chatName(port: number): string {
  return `chat-${port}`;
}

/** An Envoy would share its port with another one, and say nothing. */
async function refuseTakenPorts(ports: Readonly<Record<string, number>>): Promise<void> {
  const taken: string[] = [];
  for (const [user, port] of Object.entries(ports)) {
    if (!(await isFree(port))) taken.push(`port ${port}, for ${user}, is in use`);
  }
  if (taken.length > 0) throw new Error(`${taken.join('\n')}\nIs another playground running?`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

function description({ pods }: Playground, onRedis: boolean, seconds: number): string {
  const proxies = Object.entries(PROXIES).map(([name, port]) => `  ${name}   http://127.0.0.1:${port}`);
  const places = pods.map(
    ({ name, port }) => `  ${name}      /${name}/… on each proxy (itself on port ${port}), limit ${LIMIT}`,
  );
  return `Ready in ${seconds.toFixed(1)} s.

  gate      gRPC 127.0.0.1:${GRPC_PORT}, HTTP 127.0.0.1:${HTTP_PORT}, leases in ${onRedis ? 'the Redis of REDIS_URL' : 'its memory'}
${[...proxies, ...places].join('\n')}
  chat      /chat/… on each proxy: the gate chooses one of ${CHAT_AT_FIRST} pods, limit ${CHAT_LIMIT} each. They stand in
            ${relative('', CHAT_FILE)}: change it, and they come and go

Watch http://127.0.0.1:${HTTP_PORT}/ and try in another terminal:

  npm run traffic -- --scenario table --hold 1m
  npm run traffic -- --pod pod2 --connections 120 --hold 1m
  npm run traffic -- --scenario service --hold 1m
  curl http://127.0.0.1:${HTTP_PORT}/websocket/metrics

Ctrl-C ends it all.`;
}

try {
  await main(process.env.REDIS_URL || undefined);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
