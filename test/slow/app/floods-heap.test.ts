/** What a gate of its own process keeps of floods: nothing. */

import { afterEach, expect, it } from 'vitest';
import { type Gate, startGate } from '../../../lab/fleet/gate.ts';
import { Heap } from '../../../lab/fleet/heap.ts';
import { ASKABLE } from '../../../lab/fleet/inspector.ts';
import { until } from '../../../lab/fleet/processes.ts';
import { loadServices } from '../../../src/envoy/protos.ts';
import { beginning, call, connectCaller, connectMany, say } from '../../support/flood.ts';

/** How much more of its heap a gate may use after the floods than before them. */
const GROWTH_BYTES = 8 * 2 ** 20;
/** How much it may use beside what the bounds allow to be kept. */
const BESIDE_BYTES = 48 * 2 ** 20;
const KEPT_BYTES = 16 * 2 ** 20;

const { authorization, accessLog } = loadServices();
const PATHS = [authorization.Check.path, accessLog.StreamAccessLogs.path];

let gate: Gate;
let heap: Heap;
afterEach(async () => {
  heap.close();
  gate.kill('SIGTERM');
  await gate.ended;
});

it('the heap is bounded while floods go on, and as it was when they are over', async () => {
  const env = { ...ASKABLE, WSGATE_LISTEN_UNFINISHED_BYTES_PER_ADDRESS_MAX: '16MiB', WSGATE_LEASE_RECOVERY: '0s' };
  gate = await startGate({ env });
  heap = await Heap.of(gate);
  await flood(() => Promise.resolve()); // compiles and fills what stays
  const before = await heap.used();
  await flood(async () => expect((await heap.used()) - before).toBeLessThan(KEPT_BYTES + BESIDE_BYTES));
  await until('the heap is as it was', async () => (await heap.used()) - before < GROWTH_BYTES, 10_000);
});

/** 999 HTTP connections with an unfinished request each; 1,000 calls with an unfinished message of 100 KiB each. */
async function flood(during: () => Promise<void>): Promise<void> {
  const loris = await connectMany(999, gate.httpPort);
  for (const socket of loris) socket.write(`GET /healthz HTTP/1.1\r\nx: ${'x'.repeat(10_000)}`);
  const sessions = [1, 2, 3, 4].map(() => connectCaller(gate.grpcPort));
  const calls = sessions.flatMap((session) =>
    Array.from({ length: 250 }, (_, i) => call(session, PATHS[i % PATHS.length] ?? '')),
  );
  for (const { stream } of calls) stream.write(beginning(2 ** 20, 100 * 2 ** 10));
  const kept = KEPT_BYTES / (100 * 2 ** 10);
  const refused = () => calls.filter(({ status }) => status !== undefined).length;
  await until('what is too much is refused', () => refused() > calls.length - kept - 1, 15_000);
  await during();
  expect(await say('GET /healthz HTTP/1.1\r\nhost: gate\r\nconnection: close\r\n\r\n', gate.httpPort).answer).toContain(
    '200 OK',
  );
  for (const session of sessions) session.destroy();
  for (const socket of loris) socket.destroy();
}
