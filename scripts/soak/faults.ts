/** What happens in a soak, at random: each leaves the first gate alive, because its memory is what is watched. */

import { setTimeout as delay } from 'node:timers/promises';
import type { Bench } from '../faults/bench.ts';

export interface SoakFault {
  readonly what: string;
  run(bench: Bench): Promise<void>;
}

const AWAY_MS = 3_000;
const WATCHED = 0;
const OTHER = 1;

export const soakFaults: readonly SoakFault[] = [
  {
    what: 'gate 2: SIGKILL, started again',
    async run(bench) {
      await bench.end(bench.gate(OTHER), 'SIGKILL');
      await delay(AWAY_MS);
      await bench.startGate(OTHER);
    },
  },
  {
    what: 'gate 2: SIGTERM, started again',
    async run(bench) {
      await bench.end(bench.gate(OTHER), 'SIGTERM');
      await bench.startGate(OTHER);
    },
  },
  {
    what: 'gate 1: SIGSTOP for 3 s',
    async run(bench) {
      bench.gate(WATCHED).kill('SIGSTOP');
      await delay(AWAY_MS);
      bench.gate(WATCHED).kill('SIGCONT');
    },
  },
  {
    what: 'Redis: SIGKILL, started again empty',
    async run(bench) {
      await bench.redis.kill();
      await delay(AWAY_MS);
      await bench.redis.again();
    },
  },
  {
    what: 'Redis: SIGSTOP for 3 s',
    async run(bench) {
      bench.redis.signal('SIGSTOP');
      await delay(AWAY_MS);
      bench.redis.signal('SIGCONT');
    },
  },
  {
    what: 'gate 1 cut from Redis for 3 s',
    async run(bench) {
      bench.network.cutRedis(WATCHED);
      await delay(AWAY_MS);
      bench.network.healRedis(WATCHED);
    },
  },
  {
    what: 'Envoy 2: SIGTERM, started again',
    async run(bench) {
      bench.doomed.add(bench.envoy(OTHER));
      await bench.end(bench.envoy(OTHER), 'SIGTERM');
      await bench.startEnvoy(OTHER);
    },
  },
  {
    what: 'Envoy 2: SIGKILL, started again',
    async run(bench) {
      bench.doomed.add(bench.envoy(OTHER));
      await bench.end(bench.envoy(OTHER), 'SIGKILL');
      await bench.startEnvoy(OTHER);
    },
  },
];
