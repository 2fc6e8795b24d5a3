/** What happens to Redis. */

import { act, type Fault, heal, rush } from './fault.ts';
import { OtherClock } from './other-clock.ts';
import {
  BEYOND_GRACE_MS,
  BEYOND_TTL_MS,
  DEAD_PROXY_MS,
  FLUSHED_MS,
  FREED_MS,
  LOST_END_MS,
  SCALE,
  SIZE,
} from './scale.ts';

const DOWN_MS = 3_000;
/** Longer than the recovery of a store that all gates find at once. */
const LATE_MS = SCALE.recoveryMs + 1_000;
const FORWARD_MS = SCALE.graceMs + 10_000;
/** By then every gate has sent two heartbeats. */
const SEEN_MS = 2_000;
/** More than the age of the store: it then seems to be made in the future. */
const BACK_MS = 30_000;
/** The replica hears nothing for so long before it is promoted. */
const LAG_MS = 1_000;

const restarted: Pick<Fault, 'gatesAlone' | 'untrustedMs' | 'bounds' | 'actions'> = {
  gatesAlone: SIZE.gates,
  untrustedMs: SCALE.recoveryMs,
  // A gate whose store is away for a quarter of a ttl ends its log streams; ends that are on their way are lost with them.
  bounds: { keptMs: DOWN_MS + LOST_END_MS, uncountedMs: FLUSHED_MS, settleMs: LOST_END_MS },
  actions: () => [
    act(0, 'SIGKILL Redis', ({ fleet }) => fleet.redis.kill()),
    heal(DOWN_MS, 'start Redis', ({ fleet }) => fleet.redis.again()),
    rush(),
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
    gatesAlone: SIZE.gates,
    untrustedMs: LATE_MS + SCALE.recoveryMs,
    fleet: { redisWires: true },
    bounds: {
      keptMs: DOWN_MS + LATE_MS + LOST_END_MS,
      uncountedMs: LATE_MS + FLUSHED_MS,
      settleMs: LATE_MS + LOST_END_MS,
    },
    actions: (random) => {
      const gate = random.below(SIZE.gates);
      return [
        act(0, 'SIGKILL Redis', ({ fleet }) => fleet.redis.kill()),
        act(DOWN_MS - 500, `cut gate ${gate + 1} from Redis`, ({ fleet }) => fleet.redisWires[gate]?.cut()),
        heal(500, 'start Redis', ({ fleet }) => fleet.redis.again()),
        rush(LATE_MS + SCALE.recoveryMs),
        act(LATE_MS, 'heal the cut', ({ fleet }) => fleet.redisWires[gate]?.heal()),
      ];
    },
  },
  {
    name: 'redis-sigstop',
    what: `Redis: SIGSTOP for ${BEYOND_TTL_MS / 1000} s, a rush of clients`,
    gatesAlone: SIZE.gates,
    untrustedMs: SCALE.recoveryMs,
    bounds: { keptMs: BEYOND_TTL_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: () => [
      act(0, 'SIGSTOP Redis', ({ fleet }) => fleet.redis.signal('SIGSTOP')),
      heal(BEYOND_TTL_MS, 'SIGCONT Redis', ({ fleet }) => fleet.redis.signal('SIGCONT')),
      rush(),
    ],
  },
  {
    name: 'redis-away-beyond-grace',
    what: `Redis: SIGSTOP for ${BEYOND_GRACE_MS / 1000} s; one of two gates, each with an Envoy of its own, reaches it ${DOWN_MS / 1000} s later than the other; a rush of clients`,
    gatesAlone: SIZE.gates,
    untrustedMs: DOWN_MS + SCALE.recoveryMs,
    aloneMs: DOWN_MS + FLUSHED_MS,
    fleet: { redisWires: true, ownGates: true },
    bounds: { keptMs: BEYOND_GRACE_MS + DOWN_MS + LOST_END_MS, uncountedMs: 0, settleMs: DOWN_MS + LOST_END_MS },
    actions: (random) => {
      const gate = random.below(SIZE.gates);
      return [
        act(0, 'SIGSTOP Redis', ({ fleet }) => fleet.redis.signal('SIGSTOP')),
        act(BEYOND_GRACE_MS - 500, `cut gate ${gate + 1} from Redis`, ({ fleet }) => fleet.redisWires[gate]?.cut()),
        heal(500, 'SIGCONT Redis', ({ fleet }) => fleet.redis.signal('SIGCONT')),
        rush(DOWN_MS + SCALE.recoveryMs),
        act(DOWN_MS, 'heal the cut', ({ fleet }) => fleet.redisWires[gate]?.heal()),
      ];
    },
  },
  {
    name: 'redis-failover',
    what: `Redis: SIGKILL, its replica without the last ${LAG_MS / 1000} s promoted 1 s later, a rush of clients`,
    gatesAlone: SIZE.gates,
    untrustedMs: SCALE.recoveryMs,
    fleet: { replica: true, redisWires: true },
    bounds: { keptMs: LAG_MS + 2_000 + FLUSHED_MS, uncountedMs: FLUSHED_MS, settleMs: FLUSHED_MS },
    actions: () => [
      act(0, 'cut the replica off', ({ fleet }) => fleet.redises.cutReplica()),
      act(LAG_MS, 'SIGKILL Redis', ({ fleet }) => fleet.redis.kill(), { storeGoes: true }),
      heal(1_000, 'promote the replica', ({ fleet }) => fleet.promoteReplica()),
      rush(),
    ],
  },
  {
    name: 'gate-dies-in-outage',
    what: `Redis: SIGSTOP for ${BEYOND_TTL_MS / 1000} s; one of two gates meanwhile: SIGKILL after 6 s, started again 3 s later; a rush of clients`,
    gatesAlone: SIZE.gates,
    notThrough: { hold: 'what the gate admitted alone died with it, and nobody speaks of it again (SECURITY.md)' },
    // The other gate waits for it, and then for what its Envoys say.
    untrustedMs: SCALE.ttlMs + SCALE.recoveryMs,
    // A log stream broke, and nothing was heard again of its connections: all were closed. As long as the dead gate is
    // silent and not given up, it may be the one that hears of them (`reaper.ts`): then none of that proxy's leases goes.
    bounds: {
      keptMs: BEYOND_TTL_MS + DEAD_PROXY_MS + SCALE.ttlMs,
      uncountedMs: 0,
      settleMs: DEAD_PROXY_MS + SCALE.ttlMs,
    },
    actions: () => [
      act(0, 'SIGSTOP Redis', ({ fleet }) => fleet.redis.signal('SIGSTOP')),
      act(6_000, 'SIGKILL gate 2', ({ fleet }) => fleet.end(fleet.gateAt(1), 'SIGKILL')),
      act(3_000, 'start gate 2', ({ fleet }) => fleet.startGate(1, { waitFor: '/healthz' })),
      heal(BEYOND_TTL_MS - 9_000, 'SIGCONT Redis', ({ fleet }) => fleet.redis.signal('SIGCONT')),
      rush(SCALE.ttlMs + SCALE.recoveryMs),
    ],
  },
  {
    name: 'two-at-once',
    what: `Redis: SIGKILL, started again empty ${DOWN_MS / 1000} s later; one of two Envoys reaches no gate from then on for ${LATE_MS / 1000} s; a rush of clients`,
    gatesAlone: SIZE.gates,
    untrustedMs: LATE_MS + SCALE.recoveryMs,
    aloneMs: LATE_MS + FLUSHED_MS,
    fleet: { gateWiresOf: 0 },
    bounds: {
      keptMs: DOWN_MS + LATE_MS + LOST_END_MS,
      uncountedMs: LATE_MS + FLUSHED_MS,
      settleMs: LATE_MS + LOST_END_MS,
    },
    actions: () => [
      act(0, 'SIGKILL Redis', ({ fleet }) => fleet.redis.kill()),
      act(DOWN_MS - 500, 'cut Envoy 1 from the gates', (stage) => stage.fleet.cutGates()),
      heal(500, 'start Redis', ({ fleet }) => fleet.redis.again()),
      rush(LATE_MS + SCALE.recoveryMs),
      act(LATE_MS, 'heal the cut', ({ fleet }) => fleet.healGates()),
    ],
  },
  clockSteps('clock-steps-forward', FORWARD_MS),
  clockSteps('clock-steps-back', -BACK_MS),
];

function clockSteps(name: string, byMs: number): Fault {
  const steps = `${Math.abs(byMs) / 1000} s ${byMs > 0 ? 'forward' : 'back'}`;
  return {
    name,
    what: `the clock of Redis: ${steps}; two gates, each with an Envoy of its own; a rush of clients`,
    untrustedMs: SCALE.recoveryMs,
    fleet: { redisClock: true, ownGates: true },
    lacks: () => OtherClock.lacks(),
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [
      act(0, `Redis's clock: ${steps}`, ({ fleet }) => fleet.redises.stepClock(byMs)),
      heal(SEEN_MS, 'each gate has seen it', () => {}),
      rush(2 * SCALE.recoveryMs),
    ],
  };
}
