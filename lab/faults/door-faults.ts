/** What happens to held streams, and to the doors of one fleet that tell different things. */

import { act, type Fault, heal, rush, toldByStreams } from './fault.ts';
import { GHOSTS } from './garbler.ts';
import { BEYOND_TTL_MS, FREED_MS, LOST_END_MS, SCALE } from './scale.ts';

const HELD = 500;
const PODS = 2;
const DOWN_MS = 3_000;
const ONE_DOOR = { log: 'it has one door', hold: 'it has one door' } as const;

export const doorFaults: readonly Fault[] = [
  {
    name: 'gate-sigkill-500',
    what: `the only gate, with ${HELD} connections: SIGKILL, started again ${DOWN_MS / 1000} s later, a rush of clients`,
    fleet: { gates: 1, limit: HELD / PODS },
    bounds: { keptMs: DOWN_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams(DOWN_MS) },
    actions: () => [
      act(0, `open ${HELD} connections`, (stage) => stage.fill()),
      act(0, 'SIGKILL the gate', ({ fleet }) => fleet.end(fleet.gateAt(0), 'SIGKILL')),
      heal(DOWN_MS, 'start the gate', ({ fleet }) => fleet.startGate(0)),
      rush(),
    ],
  },
  {
    name: 'log-alone-tells',
    what: `the network for held streams, and for nothing else: cut for ${BEYOND_TTL_MS / 1000} s while clients come and go, a rush of clients`,
    notThrough: ONE_DOOR,
    fleet: { holdWires: true },
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [
      act(0, 'cut the held streams', ({ fleet }) => fleet.cutHolds()),
      heal(BEYOND_TTL_MS, 'heal the cut', ({ fleet }) => fleet.healHolds()),
      rush(),
    ],
  },
  {
    name: 'streams-alone-tell',
    what: `for ${SCALE.ttlMs / 1000} s, the log tells no end, and each of its periodic entries comes again every ${GHOSTS.everyMs / 1000} s for ${GHOSTS.forMs / 1000} s, also when the stream has ended; with a message_timeout of 5 s, so that each connection has a stream`,
    notThrough: ONE_DOOR,
    fleet: { garbled: true, holdsAll: true },
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [
      act(0, 'the log goes on after ends', ({ fleet }) => fleet.garbler?.begin('ghosts')),
      act(SCALE.ttlMs, 'no more', ({ fleet }) => fleet.garbler?.end()),
    ],
  },
];
