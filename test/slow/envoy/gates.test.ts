/** What envoy/edge.yaml does for an Envoy with several gates, and about a client that is no friend. */

import { connect, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { until } from '../../../lab/fleet/processes.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const RESTARTS = 4;
const AT_ONCE = 3;

it('while one of two gates is restarted again and again, no upgrade is refused for want of a gate', async () => {
  const config = { limits: { default: { connections: 100_000 } } };
  fleet = await Fleet.start({ store: 'redis', gates: 2, config });
  let restarting = true;
  let opened = 0;
  const refusals: string[] = [];
  const ask = async () => {
    while (restarting) {
      const outcome = await fleet.open(1);
      for (const client of outcome.opened) client.terminate();
      opened += outcome.opened.length;
      refusals.push(...outcome.refused.map(({ status, body }) => `${status} ${body}`), ...outcome.failed.map(String));
    }
  };
  const asking = Array.from({ length: AT_ONCE }, ask);
  for (let i = 0; i < RESTARTS; i += 1) await fleet.restartGate('SIGTERM', 1);
  restarting = false;
  await Promise.all(asking);
  expect(opened).toBeGreaterThan(100);
  expect(refusals).toEqual([]);
});

const ABORTED = 12_000;
/** So many each 10 ms: at that rate, a log beside the Checks breaks more often than a gate writes renewals. */
const ABORTS_AT_ONCE = 12;

it('a client that opens and aborts upgrades as fast as it can takes no slot from the connections of another pod', async () => {
  const options = { pods: ['pod1', 'pod2'], config: { lease: { ttl: '3s' } }, flushIntervalMs: 1_000, workers: 1 };
  fleet = await Fleet.start({ store: 'embedded', ...options });
  await fleet.open(20, '/pod2/');
  await fleet.settlesAt(20, 1000, 'pod2');
  const aborting = abortUpgrades(fleet.envoy.port, '/pod1/');
  const counts = new Set<number>();
  const isOver = async () => {
    counts.add(await fleet.connections('pod2'));
    return aborting.count >= ABORTED;
  };
  try {
    await until('the client has aborted enough', isOver, 30_000);
  } finally {
    aborting.stop();
  }
  expect([...counts]).toEqual([20]);
  // That Envoy cancels their Checks is what ends its connection to the gate.
  const { 'cluster.wsgate.http2.tx_reset': cancelled = 0 } = await fleet.envoy.stats();
  expect(cancelled).toBeGreaterThan(2_000);
});

/** One client that sends upgrades, and is gone before their answers. */
function abortUpgrades(port: number, path: string) {
  const head = [
    `GET ${path} HTTP/1.1`,
    'host: pods',
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  const bytes = `${head.join('\r\n')}\r\n\r\n`;
  const sockets = new Set<Socket>();
  let count = 0;
  const abortOne = () => {
    const socket = connect(port, '127.0.0.1');
    sockets.add(socket);
    socket.on('error', () => {}); // it is cut off on purpose
    socket.on('close', () => sockets.delete(socket));
    socket.on('connect', () => {
      count += 1;
      socket.write(bytes, () => socket.resetAndDestroy());
    });
  };
  const timer = setInterval(() => {
    for (let i = 0; i < ABORTS_AT_ONCE; i += 1) abortOne();
  }, 10);
  return {
    get count() {
      return count;
    },
    stop() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}
