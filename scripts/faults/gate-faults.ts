/** What happens to gates. */

import { type Fault, rush } from './fault.ts';
import { FLUSHED_MS, LOST_END_MS, RETREATED_MS, SCALE, SIZE } from './scale.ts';

const LONGER_THAN_TTL_MS = SCALE.ttlMs + 2_000;
/** Long enough for the other gates to take a silent gate's leases for dead, and shorter than the grace. */
const LONG_MS = 2 * SCALE.ttlMs;
const LOWERED = 20;

const all = Array.from({ length: SIZE.gates }, (_, index) => index);

export const gateFaults: readonly Fault[] = [
  {
    name: 'gate-sigkill',
    what: 'the second of two gates: SIGKILL as some clients leave, started again 3 s later',
    bounds: { keptMs: LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    // Never the first one: the soak watches its memory.
    actions: () => [
      {
        afterMs: 0,
        what: '5 of each pod leave, SIGKILL gate 2',
        run: ({ fleet, crowd }) => {
          crowd.leaveSome(5);
          return fleet.end(fleet.gate(1), 'SIGKILL');
        },
      },
      { afterMs: 3_000, what: 'start gate 2', run: ({ fleet }) => fleet.startGate(1) },
    ],
  },
  {
    name: 'gate-sigstop',
    what: `one of two gates: SIGSTOP for ${LONGER_THAN_TTL_MS / 1000} s`,
    storeAway: true, // when it goes on, its connection to Redis has timed out
    bounds: { keptMs: LONGER_THAN_TTL_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: (random) => {
      const gate = random.below(SIZE.gates);
      return [
        { afterMs: 0, what: `SIGSTOP gate ${gate + 1}`, run: ({ fleet }) => fleet.gate(gate).kill('SIGSTOP') },
        {
          afterMs: LONGER_THAN_TTL_MS,
          what: `SIGCONT gate ${gate + 1}`,
          run: ({ fleet }) => fleet.gate(gate).kill('SIGCONT'),
        },
      ];
    },
  },
  {
    name: 'only-gate-sigstop',
    what: `the only gate: SIGSTOP for ${LONGER_THAN_TTL_MS / 1000} s`,
    storeAway: true,
    fleet: { gates: 1 },
    bounds: { keptMs: LONGER_THAN_TTL_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: () => [
      { afterMs: 0, what: 'SIGSTOP the gate', run: ({ fleet }) => fleet.gate(0).kill('SIGSTOP') },
      { afterMs: LONGER_THAN_TTL_MS, what: 'SIGCONT the gate', run: ({ fleet }) => fleet.gate(0).kill('SIGCONT') },
    ],
  },
  {
    name: 'gates-all-down',
    what: `both gates: SIGKILL, started again ${LONGER_THAN_TTL_MS / 1000} s later`,
    bounds: { keptMs: LONGER_THAN_TTL_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: () => [
      {
        afterMs: 0,
        what: 'SIGKILL both gates',
        run: async ({ fleet }) => void (await Promise.all(all.map((gate) => fleet.end(fleet.gate(gate), 'SIGKILL')))),
      },
      {
        afterMs: LONGER_THAN_TTL_MS,
        what: 'start both gates',
        run: async ({ fleet }) => void (await Promise.all(all.map((gate) => fleet.startGate(gate)))),
      },
    ],
  },
  {
    name: 'gate-cut-from-redis',
    what: `the network between one of two gates and Redis: cut for ${LONG_MS / 1000} s`,
    storeAway: true,
    aloneMs: RETREATED_MS,
    fleet: { redisWires: true },
    bounds: { keptMs: LONG_MS + FLUSHED_MS, uncountedMs: 0, settleMs: FLUSHED_MS },
    actions: (random) => {
      const gate = random.below(SIZE.gates);
      return [
        { afterMs: 0, what: `cut gate ${gate + 1} from Redis`, run: ({ fleet }) => fleet.network.cutRedis(gate) },
        { afterMs: LONG_MS, what: 'heal the cut', run: ({ fleet }) => fleet.network.healRedis(gate) },
      ];
    },
  },
  {
    name: 'gate-wrong-clock',
    what: "one gate's clock an hour ahead; the other gate: SIGKILL, started again 3 s later",
    fleet: { wrongClockAt: 0 },
    bounds: { keptMs: LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: () => [
      { afterMs: 0, what: 'SIGKILL gate 2', run: ({ fleet }) => fleet.end(fleet.gate(1), 'SIGKILL') },
      { afterMs: 3_000, what: 'start gate 2', run: ({ fleet }) => fleet.startGate(1) },
    ],
  },
  {
    name: 'gate-embedded-restart',
    what: 'the only gate, with the leases in its memory: SIGKILL, started again at once, a rush of clients',
    storeAway: true,
    untrustedMs: SCALE.recoveryMs,
    fleet: { embedded: true },
    bounds: { keptMs: 1_000 + FLUSHED_MS, uncountedMs: FLUSHED_MS, settleMs: FLUSHED_MS },
    actions: () => [
      { afterMs: 0, what: 'SIGKILL the gate', run: ({ fleet }) => fleet.end(fleet.gate(0), 'SIGKILL') },
      { afterMs: 0, what: 'start the gate', heals: true, run: ({ fleet }) => fleet.startGate(0) },
      rush(SCALE.recoveryMs),
    ],
  },
  {
    name: 'limit-lowered',
    what: `the limit lowered from ${SIZE.limit} to ${LOWERED}, below the count: both gates restarted, one after the other`,
    bounds: { keptMs: LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: () => [
      {
        afterMs: 0,
        what: `restart the gates with limit ${LOWERED}`,
        run: async ({ fleet }) => {
          const before = fleet.limit;
          for (const gate of all) {
            await fleet.end(fleet.gate(gate), 'SIGTERM');
            fleet.limit = LOWERED;
            const starting = fleet.startGate(gate);
            fleet.limit = before; // the other gate still admits by it
            await starting;
          }
          fleet.limit = LOWERED;
        },
      },
      { afterMs: 6_000, what: 'rush', run: (bench) => bench.rush(LOWERED) },
    ],
  },
];
