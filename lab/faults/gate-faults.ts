/** What happens to gates. */

import { act, type Fault, heal, rush, toldByStreams } from './fault.ts';
import type { FleetOptions } from './fleet-options.ts';
import { BEYOND_GRACE_MS, BEYOND_TTL_MS, FLUSHED_MS, LOST_END_MS, RETREATED_MS, SCALE, SIZE } from './scale.ts';

/** Long enough for the other gates to take a silent gate's leases for dead, and shorter than the grace. */
const LONG_MS = 2 * SCALE.ttlMs;
const LOWERED = 20;

const all = Array.from({ length: SIZE.gates }, (_, index) => index);

function allDown(name: string, forMs: number, notThrough: Fault['notThrough'] = {}): Fault {
  return {
    name,
    what: `both gates: SIGKILL, started again ${forMs / 1000} s later, a rush of clients`,
    notThrough,
    bounds: { keptMs: forMs + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams(forMs) },
    actions: () => [
      act(
        0,
        'SIGKILL both gates',
        async ({ fleet }) => void (await Promise.all(all.map((gate) => fleet.end(fleet.gateAt(gate), 'SIGKILL')))),
      ),
      heal(
        forMs,
        'start both gates',
        async ({ fleet }) => void (await Promise.all(all.map((gate) => fleet.startGate(gate)))),
      ),
      rush(),
    ],
  };
}

function hangs(name: string, what: string, forMs: number, fleet: FleetOptions = {}): Fault {
  return {
    name,
    what,
    gatesAlone: 1, // when it goes on, its connection to Redis has timed out
    untrustedMs: SCALE.recoveryMs,
    fleet,
    bounds: { keptMs: forMs + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    // Envoy waits longer than that for a gate that holds streams: none breaks, and it reads the ends when it goes on.
    boundsThrough: { hold: toldByStreams(forMs) },
    actions: (random) => {
      const gate = random.below(SIZE.gates);
      return [
        act(0, `SIGSTOP gate ${gate + 1}`, ({ fleet }) => fleet.gateAt(gate).kill('SIGSTOP')),
        heal(forMs, `SIGCONT gate ${gate + 1}`, ({ fleet }) => fleet.gateAt(gate).kill('SIGCONT')),
        rush(),
      ];
    },
  };
}

export const gateFaults: readonly Fault[] = [
  {
    name: 'gate-sigkill',
    what: 'the second of two gates: SIGKILL as some clients leave, started again 3 s later',
    bounds: { keptMs: LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams() },
    // Never the first one: the soak watches its memory.
    actions: () => [
      act(0, '5 of each pod leave, SIGKILL gate 2', ({ fleet, crowd }) => {
        crowd.leaveSome(5);
        return fleet.end(fleet.gateAt(1), 'SIGKILL');
      }),
      act(3_000, 'start gate 2', ({ fleet }) => fleet.startGate(1)),
    ],
  },
  hangs('gate-sigstop', `one of two gates: SIGSTOP for ${BEYOND_TTL_MS / 1000} s, a rush of clients`, BEYOND_TTL_MS),
  {
    name: 'only-gate-sigstop',
    what: `the only gate: SIGSTOP for ${BEYOND_TTL_MS / 1000} s, a rush of clients`,
    gatesAlone: 1,
    untrustedMs: SCALE.recoveryMs,
    fleet: { gates: 1 },
    bounds: { keptMs: BEYOND_TTL_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams(BEYOND_TTL_MS) },
    actions: () => [
      act(0, 'SIGSTOP the gate', ({ fleet }) => fleet.gateAt(0).kill('SIGSTOP')),
      heal(BEYOND_TTL_MS, 'SIGCONT the gate', ({ fleet }) => fleet.gateAt(0).kill('SIGCONT')),
      rush(),
    ],
  },
  allDown('gates-all-down', BEYOND_TTL_MS),
  allDown('gates-down-beyond-grace', BEYOND_GRACE_MS, {
    hold: 'the grace is about proxies that renew, and none does here; gates-all-down is the same',
  }),
  {
    name: 'gate-cut-from-redis',
    what: `the network between one of two gates and Redis: cut for ${LONG_MS / 1000} s, a rush of clients`,
    gatesAlone: 1,
    untrustedMs: SCALE.recoveryMs,
    aloneMs: RETREATED_MS,
    fleet: { redisWires: true },
    bounds: { keptMs: LONG_MS + FLUSHED_MS, uncountedMs: 0, settleMs: FLUSHED_MS },
    actions: (random) => {
      const gate = random.below(SIZE.gates);
      return [
        act(0, `cut gate ${gate + 1} from Redis`, ({ fleet }) => fleet.redisWires[gate]?.cut()),
        heal(LONG_MS, 'heal the cut', ({ fleet }) => fleet.redisWires[gate]?.heal()),
        rush(),
      ];
    },
  },
  hangs(
    'gate-hangs-without-keepalive',
    `one of two gates: SIGSTOP for ${BEYOND_GRACE_MS / 1000} s; Envoys of four workers, without keepalive and health checks towards gates; a rush of clients`,
    BEYOND_GRACE_MS,
    // Each worker has a log stream of its own, to either gate: so each Envoy speaks to both.
    { unwatched: true, workers: 4 },
  ),
  {
    name: 'gate-wrong-clock',
    what: "one gate's clock an hour ahead; the other gate: SIGKILL, started again 3 s later",
    fleet: { wrongClockAt: 0 },
    bounds: { keptMs: LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams() },
    actions: () => [
      act(0, 'SIGKILL gate 2', ({ fleet }) => fleet.end(fleet.gateAt(1), 'SIGKILL')),
      act(3_000, 'start gate 2', ({ fleet }) => fleet.startGate(1)),
    ],
  },
  {
    name: 'gate-embedded-restart',
    what: 'the only gate, with the leases in its memory: SIGKILL, started again at once, a rush of clients',
    gatesAlone: 1,
    untrustedMs: SCALE.recoveryMs,
    fleet: { embedded: true },
    notThrough: {
      hold: 'all that knew of the connections is gone with the gate, and nobody speaks of them again (SECURITY.md)',
    },
    bounds: { keptMs: 1_000 + FLUSHED_MS, uncountedMs: FLUSHED_MS, settleMs: FLUSHED_MS },
    actions: () => [
      act(0, 'SIGKILL the gate', ({ fleet }) => fleet.end(fleet.gateAt(0), 'SIGKILL')),
      heal(0, 'start the gate', ({ fleet }) => fleet.startGate(0)),
      rush(),
    ],
  },
  {
    name: 'limit-lowered',
    what: `the limit lowered from ${SIZE.limit} to ${LOWERED}, below the count: both gates restarted, one after the other`,
    bounds: { keptMs: LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams() },
    actions: () => [
      act(0, `restart the gates with limit ${LOWERED}`, async (stage) => {
        const { fleet } = stage;
        const before = fleet.limit;
        for (const gate of all) {
          await stage.stopGate(gate);
          fleet.limit = LOWERED;
          const starting = fleet.startGate(gate);
          fleet.limit = before; // the other gate still admits by it
          await starting;
        }
        fleet.limit = LOWERED;
      }),
      act(6_000, 'rush', (stage) => stage.rush(LOWERED)),
    ],
  },
];
