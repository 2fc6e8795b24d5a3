/** What happens to Redis. */

import { type Fault, rush } from './fault.ts';
import { FLUSHED_MS, SCALE, SIZE } from './scale.ts';

const DOWN_MS = 3_000;
/** Longer than the store is not trusted for when all gates find it at once. */
const LATE_MS = SCALE.recoveryMs + 1_000;
const STOPPED_MS = SCALE.ttlMs + 2_000;
/** The replica hears nothing for so long before it is promoted. */
const LAG_MS = 1_000;

const restarted: Pick<Fault, 'storeAway' | 'untrustedMs' | 'bounds' | 'actions'> = {
  storeAway: true,
  untrustedMs: SCALE.recoveryMs,
  bounds: { keptMs: DOWN_MS + 1_000 + FLUSHED_MS, uncountedMs: FLUSHED_MS, settleMs: FLUSHED_MS },
  actions: () => [
    { afterMs: 0, what: 'SIGKILL Redis', run: ({ fleet }) => fleet.redis.kill() },
    { afterMs: DOWN_MS, what: 'start Redis', heals: true, run: ({ fleet }) => fleet.redis.again() },
    rush(SCALE.recoveryMs),
  ],
};

export const redisFaults: readonly Fault[] = [
  {
    ...restarted,
    name: 'redis-restart-empty',
    what: 'Redis: SIGKILL, started again empty 3 s later, a rush of clients',
  },
  {
    ...restarted,
    name: 'redis-restart-file',
    what: 'Redis: SIGKILL, started again from its append-only file 3 s later, a rush of clients',
    fleet: { redisKeeps: true },
    bounds: { ...restarted.bounds, uncountedMs: 0 },
  },
  {
    name: 'redis-empty-gate-late',
    what: `Redis: SIGKILL, started again empty ${DOWN_MS / 1000} s later; one of two gates reaches it ${LATE_MS / 1000} s later than the other; a rush of clients`,
    storeAway: true,
    untrustedMs: LATE_MS + SCALE.recoveryMs,
    fleet: { redisWires: true },
    bounds: {
      keptMs: DOWN_MS + LATE_MS + 1_000 + FLUSHED_MS,
      uncountedMs: LATE_MS + FLUSHED_MS,
      settleMs: LATE_MS + FLUSHED_MS,
    },
    actions: (random) => {
      const gate = random.below(SIZE.gates);
      return [
        { afterMs: 0, what: 'SIGKILL Redis', run: ({ fleet }) => fleet.redis.kill() },
        {
          afterMs: DOWN_MS - 500,
          what: `cut gate ${gate + 1} from Redis`,
          run: ({ fleet }) => fleet.network.cutRedis(gate),
        },
        { afterMs: 500, what: 'start Redis', heals: true, run: ({ fleet }) => fleet.redis.again() },
        rush(LATE_MS + SCALE.recoveryMs),
        { afterMs: LATE_MS, what: 'heal the cut', run: ({ fleet }) => fleet.network.healRedis(gate) },
      ];
    },
  },
  {
    name: 'redis-sigstop',
    what: `Redis: SIGSTOP for ${STOPPED_MS / 1000} s`,
    storeAway: true,
    bounds: { keptMs: STOPPED_MS + FLUSHED_MS, uncountedMs: 0, settleMs: FLUSHED_MS },
    actions: () => [
      { afterMs: 0, what: 'SIGSTOP Redis', run: ({ fleet }) => fleet.redis.signal('SIGSTOP') },
      { afterMs: STOPPED_MS, what: 'SIGCONT Redis', run: ({ fleet }) => fleet.redis.signal('SIGCONT') },
    ],
  },
  {
    name: 'redis-failover',
    what: `Redis: SIGKILL, its replica without the last ${LAG_MS / 1000} s promoted 1 s later, a rush of clients`,
    storeAway: true,
    untrustedMs: SCALE.recoveryMs,
    fleet: { replica: true, redisWires: true },
    bounds: { keptMs: LAG_MS + 2_000 + FLUSHED_MS, uncountedMs: FLUSHED_MS, settleMs: FLUSHED_MS },
    actions: () => [
      { afterMs: 0, what: 'cut the replica off', run: ({ fleet }) => fleet.network.cutReplica() },
      { afterMs: LAG_MS, what: 'SIGKILL Redis', storeGoes: true, run: ({ fleet }) => fleet.redis.kill() },
      { afterMs: 1_000, what: 'promote the replica', heals: true, run: ({ fleet }) => fleet.promoteReplica() },
      rush(SCALE.recoveryMs),
    ],
  },
];
