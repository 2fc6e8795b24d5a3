/**
 * What more processes bring that share one port. Only on Redis: the embedded store is one process's memory. h2load and
 * Redis need processors of their own, so on a small machine the growth ends early.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lendFolder } from '../lab/fleet/folder.ts';
import { freePort, start, untilReady } from '../lab/fleet/processes.ts';
import type { Benchmark, Trial } from './benchmark.ts';
import { proxyName } from './crowd.ts';
import type { Figure } from './figure.ts';
import { h2load } from './h2load.ts';
import { checkBytes, newStream } from './messages.ts';
import { cpuMs } from './process-cost.ts';
import { inRounds } from './rounds.ts';

const PROCESSES = ['1', '2', '4'] as const;
const REQUESTS = 12_000;
const ROUNDS = 3;
const PROGRAM = fileURLToPath(new URL('./programs/gate-cluster.ts', import.meta.url));

interface Cluster {
  readonly address: string;
  readonly pids: readonly number[];
}

export const cores: Benchmark = {
  name: 'cores',
  what: 'Checks by several processes on one port',
  inShort: false,
  async run(trial) {
    const clusters = new Map<string, Cluster>();
    for (const processes of PROCESSES) clusters.set(processes, await startCluster(trial, processes));
    const message = checkBytes(newStream('pod0', proxyName(0)));
    const found = await inRounds(ROUNDS, PROCESSES, async (name) => {
      trial.say(`${named(name)}: ${REQUESTS} Checks`);
      const { address, pids } = clusters.get(name) ?? { address: '', pids: [] };
      const before = sum(pids.map(cpuMs));
      const { perSecond } = await h2load(address, message, REQUESTS);
      return { perSecond, cpuUs: ((sum(pids.map(cpuMs)) - before) * 1000) / REQUESTS };
    });
    return PROCESSES.flatMap((name): Figure[] => {
      const [title, floor] = [`Cores, ${named(name)} on one port`, found['1']];
      const against = (samples: number[]) => (name === '1' ? {} : { floor: { name: '1 process', samples } });
      return [
        {
          name: `${title}: Checks answered`,
          unit: '/s',
          samples: found[name].map(({ perSecond }) => perSecond),
          ...against(floor.map(({ perSecond }) => perSecond)),
        },
        {
          name: `${title}: CPU of a Check, of all processes`,
          unit: 'µs',
          samples: found[name].map(({ cpuUs }) => cpuUs),
          ...against(floor.map(({ cpuUs }) => cpuUs)),
        },
      ];
    });
  },
};

async function startCluster({ stand }: Trial, processes: string): Promise<Cluster> {
  const redis = await stand.redis();
  const [grpc, http] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const file = join(lendFolder('cluster').path, 'wsgate.yaml');
  const store = { url: redis.url, deadline: '2s' };
  const lease = { recovery: '0s' };
  writeFileSync(file, JSON.stringify({ listen: { grpc, http }, store, lease, log: { level: 'error' } }));
  const program = await start({ name: 'gates', file: process.execPath, args: [PROGRAM, processes, file] });
  stand.owns(() => program.stop());
  await untilReady(program, async () => program.lines().length > 0 && (await fetch(`http://${http}/readyz`)).ok);
  return { address: grpc, pids: (program.lines()[0] ?? '').split(' ').map(Number) };
}

function named(processes: string): string {
  return processes === '1' ? '1 process' : `${processes} processes`;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
