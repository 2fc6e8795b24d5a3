/** What the hub costs: events delivered to many clients of three gates, memory of idle ones, and what Checks pay for it. */

import { until } from '../lab/fleet/processes.ts';
import { type Benchmark, inRounds, type Trial } from './benchmark.ts';
import { type Figure, percentile, valuesOf } from './figure.ts';
import { openLoop } from './load.ts';
import { takeNewLeases } from './new-leases.ts';
import { residentBytes } from './process-cost.ts';
import type { GateServer, Stand } from './stand.ts';

const GATES = 3;
const CLIENTS = { full: 1000, short: 200 };
/** With a thousand clients, ten thousand deliveries a second at each gate. */
const EVENTS_PER_SECOND = 10;
const PACED_MS = 5000;
const ROUNDS = 3;
/** At most as many events as may wait for one client. */
const BURST = 100;
/** Idle clients before the first look at the memory, and between the two. */
const IDLE = { full: [1000, 4000], short: [200, 1000] } as const;
const CHECKS = 5000;
const PODS = 20;
/** Clients that watch while Checks are made. */
const WATCHERS = 10;
const REPORT_WITHIN_MS = 60_000;
/** All of them come from one address. */
const env = { WSGATE_HUB_CLIENTS_PER_ADDRESS_MAX: '100000', WSGATE_HTTP_CONNECTIONS_PER_ADDRESS_MAX: '100000' };

export const hub: Benchmark = {
  name: 'hub',
  what: 'Events to the clients of three gates on one Redis',
  inShort: false,
  run: async (trial) => [...(await deliveries(trial)), ...(await memory(trial)), ...(await checks(trial))],
};

async function deliveries({ stand, length, say }: Trial): Promise<Figure[]> {
  const redis = await stand.redis();
  const first = await stand.gate({ redis, env });
  const gates = [first];
  while (gates.length < GATES) gates.push(await stand.gate({ redis, env }));
  const count = CLIENTS[length];
  say(`${GATES} gates, ${count} clients each`);
  const clients = await Promise.all(gates.map((gate) => startClients(stand, gate, count)));
  const ways = {
    paced: () => openLoop(EVENTS_PER_SECOND, PACED_MS, () => post(first, 1)),
    burst: () => post(first, BURST),
  };
  const rounds = await inRounds(ROUNDS, ways, async (send: () => Promise<unknown>, name) => {
    say(name);
    const beganAtMs = performance.now();
    await send();
    await post(first, 1, 'bench.end');
    const reports = await Promise.all(clients.map((report) => report()));
    const received = reports.reduce((sum, report) => sum + report.received, 0);
    const latenciesMs = reports.flatMap((report) => report.latenciesMs);
    const perGate = (received / GATES / (performance.now() - beganAtMs)) * 1000;
    return { perGate, p50Ms: percentile(latenciesMs, 50), p99Ms: percentile(latenciesMs, 99) };
  });
  const { paced, burst } = rounds;
  const when = `at ${EVENTS_PER_SECOND * count} deliveries a second and gate`;
  const tail = { isTail: true, atMost: { value: 100 } } as const;
  return [
    { name: 'deliveries of each gate, paced', unit: '/s', samples: valuesOf(paced, 'perGate') },
    { name: `from post to client, p50, ${when}`, unit: 'ms', samples: valuesOf(paced, 'p50Ms') },
    { name: `from post to client, p99, ${when}`, unit: 'ms', samples: valuesOf(paced, 'p99Ms'), ...tail },
    { name: 'deliveries of each gate, in a burst', unit: '/s', samples: valuesOf(burst, 'perGate') },
  ];
}

async function memory({ stand, length, say }: Trial): Promise<Figure[]> {
  const server = await stand.gate({ env });
  const [first, more] = IDLE[length];
  await startClients(stand, server, first);
  const before = residentBytes(server.pid);
  say(`${more} idle clients`);
  await startClients(stand, server, more);
  const samples = [(residentBytes(server.pid) - before) / more];
  return [{ name: 'memory of an idle client', unit: 'B', samples, atMost: { value: 25 * 1024 } }];
}

async function checks({ stand, say }: Trial): Promise<Figure[]> {
  const servers = {
    off: await stand.gate({ env: { WSGATE_HUB_ENABLED: 'false' } }),
    on: await stand.gate(),
    watched: await stand.gate(),
  };
  await startClients(stand, servers.watched, WATCHERS);
  const costs = await inRounds(ROUNDS + 2, servers, async (server: GateServer, name) => {
    say(`Checks, hub ${name}`);
    return takeNewLeases(server, CHECKS, PODS);
  });
  const floor = { name: 'hub off', samples: valuesOf(costs.off, 'cpuUs') };
  return [
    { name: 'CPU of a Check, hub on', unit: 'µs', samples: valuesOf(costs.on, 'cpuUs'), floor },
    { name: 'CPU of a Check, hub on and watched', unit: 'µs', samples: valuesOf(costs.watched, 'cpuUs'), floor },
  ];
}

async function post({ gate }: GateServer, count: number, type = 'bench.event'): Promise<void> {
  const data = { sent_ms: performance.timeOrigin + performance.now() };
  const event = () => ({ specversion: '1.0', id: crypto.randomUUID(), source: 'bench', type, data });
  const response = await fetch(`http://127.0.0.1:${gate.httpPort}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Array.from({ length: count }, event)),
  });
  if (!response.ok) throw new Error(await response.text());
}

interface Report {
  readonly received: number;
  readonly latenciesMs: readonly number[];
}

/** Many clients, in a process of their own. Each call of the result reports what they got until the next `bench.end`. */
async function startClients(stand: Stand, { gate }: GateServer, count: number): Promise<() => Promise<Report>> {
  const program = await stand.start('hub-clients', `ws://127.0.0.1:${gate.httpPort}/ws`, String(count));
  let read = 0;
  const line = async (): Promise<string> => {
    const said = () => program.lines();
    read += 1;
    const what = `the clients say something; they said ${said().at(-1)?.slice(0, 500)}`;
    await until(what, () => said().length >= read, REPORT_WITHIN_MS);
    return said()[read - 1] ?? '';
  };
  const first = await line();
  if (first !== 'open') throw new Error(first);
  return async () => JSON.parse(await line()) as Report;
}
