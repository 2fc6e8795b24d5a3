/**
 * How many more Checks several processes on one port answer. Only on Redis: the embedded store is one process's memory.
 * h2load and Redis need processors of their own, so on a small machine the growth ends early.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lendFolder } from '../lab/fleet/folder.ts';
import { freePort, untilReady } from '../lab/fleet/processes.ts';
import { type Benchmark, inRounds } from './benchmark.ts';
import { type Figure, valuesOf } from './figure.ts';
import { h2load } from './h2load.ts';
import { checkBytes, newStream } from './messages.ts';
import { cpuMs } from './process-cost.ts';
import type { Stand } from './stand.ts';

const PROCESSES = ['1', '2', '4'] as const;
const REQUESTS = 12_000;
const ROUNDS = 3;

export const cores: Benchmark = {
  name: 'cores',
  what: 'Checks by several processes on one port',
  inShort: false,
  async run({ stand, say }) {
    const clusters = {
      '1': await startCluster(stand, '1'),
      '2': await startCluster(stand, '2'),
      '4': await startCluster(stand, '4'),
    };
    const message = checkBytes(newStream());
    const found = await inRounds(ROUNDS, clusters, async ({ address, pids }, name) => {
      say(`${named(name)}: ${REQUESTS} Checks`);
      const spentMs = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
      const beforeMs = spentMs();
      const { perSecond } = await h2load(address, message, REQUESTS);
      return { perSecond, cpuUs: ((spentMs() - beforeMs) * 1000) / REQUESTS };
    });
    return PROCESSES.flatMap((name) => {
      const figure = (title: string, unit: Figure['unit'], key: 'perSecond' | 'cpuUs'): Figure => ({
        name: `Cores, ${named(name)} on one port: ${title}`,
        unit,
        samples: valuesOf(found[name], key),
        ...(name === '1' ? {} : { floor: { name: '1 process', samples: valuesOf(found['1'], key) } }),
      });
      return [figure('Checks answered', '/s', 'perSecond'), figure('CPU of a Check, of all processes', 'µs', 'cpuUs')];
    });
  },
};

interface Cluster {
  readonly address: string;
  readonly pids: readonly number[];
}

async function startCluster(stand: Stand, processes: string): Promise<Cluster> {
  const redis = await stand.redis();
  const [grpc, http] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const file = join(lendFolder('cluster').path, 'wsgate.yaml');
  const store = { url: redis.url, deadline: '2s' };
  const lease = { recovery: '0s' };
  writeFileSync(file, JSON.stringify({ listen: { grpc, http }, store, lease, log: { level: 'error' } }));
  const program = await stand.start('gate-cluster', processes, file);
  await untilReady(program, async () => program.lines().length > 0 && (await fetch(`http://${http}/readyz`)).ok);
  return { address: grpc, pids: (program.lines()[0] ?? '').split(' ').map(Number) };
}

function named(processes: string): string {
  return processes === '1' ? '1 process' : `${processes} processes`;
}
