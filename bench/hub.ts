/** What the hub costs: events delivered to many clients of three gates, memory of idle ones, and what Checks pay for it. */

import type { Benchmark, Trial } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { type Clients, startClients } from './hub-clients.ts';
import { openLoop } from './load.ts';
import { takeNewLeases } from './new-leases.ts';
import { residentBytes } from './process-cost.ts';
import { inRounds } from './rounds.ts';
import type { GateServer } from './stand.ts';
import { percentile } from './statistics.ts';

const GATES = 3;
const CLIENTS = { full: 1000, short: 200 };
/** With a thousand clients, ten thousand deliveries a second at each gate. */
const EVENTS_PER_SECOND = 10;
const PACED_MS = 5000;
const ROUNDS = 3;
/** For as many as can be: no more than wait for one client. */
const BURST = 100;
/** Idle clients before the first look at the memory, and between the two. */
const IDLE = { full: [1000, 4000], short: [200, 1000] } as const;
const CHECKS = 5000;
const PODS = 20;
/** Clients that watch while Checks are made. */
const WATCHERS = 10;
/** All of them come from one address. */
const env = { WSGATE_HUB_CLIENTS_PER_ADDRESS_MAX: '100000', WSGATE_HTTP_CONNECTIONS_PER_ADDRESS_MAX: '100000' };

export const hubBenchmark: Benchmark = {
  name: 'hub',
  what: 'Events to the clients of three gates on one Redis',
  inShort: false,
  run: async (trial) => [...(await deliveries(trial)), ...(await memory(trial)), ...(await checks(trial))],
};

async function deliveries({ stand, length, say }: Trial): Promise<Figure[]> {
  const redis = await stand.redis();
  const gates = await Promise.all(Array.from({ length: GATES }, () => stand.gate({ redis, env })));
  const count = CLIENTS[length];
  say(`${GATES} gates, ${count} clients each`);
  const clients = await Promise.all(gates.map(({ gate }) => startClients(stand, gate, count)));
  const [first] = gates;
  if (!first) return [];

  const rounds = await inRounds(ROUNDS, ['paced', 'burst'], async (name) => {
    say(name);
    const beganAtMs = performance.now();
    if (name === 'paced') await openLoop(EVENTS_PER_SECOND, PACED_MS, () => post(first, 1));
    else await post(first, BURST);
    const reports = await untilAllGot(first, clients);
    const received = reports.reduce((sum, report) => sum + report.received, 0);
    const late = reports.flatMap(({ latenciesMs }) => latenciesMs);
    return { perGate: (received / GATES / (performance.now() - beganAtMs)) * 1000, late };
  });
  const paced = `at ${EVENTS_PER_SECOND * count} deliveries a second and gate`;
  const samplesOf = (percent: number) => rounds.paced.map(({ late }) => percentile(late, percent));
  return [
    { name: 'deliveries of each gate, paced', unit: '/s', samples: rounds.paced.map(({ perGate }) => perGate) },
    { name: `from post to client, p50, ${paced}`, unit: 'ms', samples: samplesOf(50) },
    {
      name: `from post to client, p99, ${paced}`,
      unit: 'ms',
      samples: samplesOf(99),
      isTail: true,
      atMost: { value: 100 },
    },
    { name: 'deliveries of each gate, in a burst', unit: '/s', samples: rounds.burst.map(({ perGate }) => perGate) },
  ];
}

async function memory({ stand, length, say }: Trial): Promise<Figure[]> {
  const { gate, pid } = await stand.gate({ env });
  const [first, more] = IDLE[length];
  await startClients(stand, gate, first);
  const before = residentBytes(pid);
  say(`${more} idle clients`);
  await startClients(stand, gate, more);
  const samples = [(residentBytes(pid) - before) / more];
  return [{ name: 'memory of an idle client', unit: 'B', samples, atMost: { value: 25 * 1024 } }];
}

async function checks({ stand, say }: Trial): Promise<Figure[]> {
  const servers = {
    off: await stand.gate({ env: { WSGATE_HUB_ENABLED: 'false' } }),
    on: await stand.gate(),
    watched: await stand.gate(),
  };
  await startClients(stand, servers.watched.gate, WATCHERS);
  const costs = await inRounds(ROUNDS + 2, ['off', 'on', 'watched'] as const, async (name) => {
    say(`Checks, hub ${name}`);
    const { cpuMs } = await takeNewLeases(servers[name], CHECKS, PODS);
    return (cpuMs / CHECKS) * 1000;
  });
  const floor = { name: 'hub off', samples: costs.off };
  return [
    { name: 'CPU of a Check, hub on', unit: 'µs', samples: costs.on, floor },
    { name: 'CPU of a Check, hub on and watched', unit: 'µs', samples: costs.watched, floor },
  ];
}

async function post({ gate }: GateServer, count: number, type = 'bench.event'): Promise<void> {
  const events = Array.from({ length: count }, () => ({
    specversion: '1.0',
    id: crypto.randomUUID(),
    source: 'bench',
    type,
    data: { sent_ms: performance.timeOrigin + performance.now() },
  }));
  const response = await fetch(`http://127.0.0.1:${gate.httpPort}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  if (!response.ok) throw new Error(await response.text());
}

async function untilAllGot(gate: GateServer, clients: readonly Clients[]) {
  await post(gate, 1, 'bench.end');
  return Promise.all(clients.map((each) => each.report()));
}
