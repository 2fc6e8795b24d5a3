/** What clients and messages do. */

import { act, type Fault, heal, NO_LOG, rush, toldByStreams } from './fault.ts';
import { STREAM_FLAPS } from './forwarded-stream.ts';
import { DELAY_MS_MAX, LOST_IN_A_ROW_MAX } from './garbler.ts';
import { FREED_MS, LOOK_MS, LOST_END_MS, SCALE, SIZE } from './scale.ts';

const FLAPS = { ...STREAM_FLAPS, forMs: 2.5 * SCALE.ttlMs };
/** Node ends an HTTP/2 connection after 1,000 resets, and 33 more each second. */
const RESETS = { perSecond: 1_200, forMs: 2.5 * SCALE.ttlMs };
const GARBLED_MS = SCALE.ttlMs;
/** A proxy's silence is evidence after two and a half times the longest silence that its log has shown. */
const GARBLED_END_MS = 2.5 * ((LOST_IN_A_ROW_MAX + 1) * SCALE.flushMs + DELAY_MS_MAX) + LOOK_MS;
/** Times the limit. */
const STORM = 3;

export const loadFaults: readonly Fault[] = [
  {
    name: 'reconnect-storm',
    what: `all clients cut off at once; ${STORM} times the limit come back at once`,
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [
      act(0, 'reset every connection', ({ crowd }) => crowd.leaveAll('reset')),
      act(0, `open ${STORM} times the limit`, (stage) => stage.rush((STORM * SIZE.limit) / SIZE.proxies)),
    ],
  },
  {
    name: 'log-garbled',
    what: `of the access log entries, for ${GARBLED_MS / 1000} s: 30 % lost, but never more than two in a row of one connection; of the others, 20 % doubled and 20 % late by up to 1 s`,
    fleet: { garbled: true },
    notThrough: NO_LOG,
    bounds: { keptMs: GARBLED_END_MS, uncountedMs: 0, settleMs: GARBLED_END_MS },
    boundsThrough: { both: toldByStreams() },
    actions: () => [
      act(0, 'garble', ({ fleet }) => fleet.garbler?.begin('random')),
      act(GARBLED_MS, 'garble no more', ({ fleet }) => fleet.garbler?.end()),
    ],
  },
  {
    name: 'log-openings-lost',
    what: `of each connection's access log, for ${GARBLED_MS / 1000} s: the first two entries lost`,
    fleet: { garbled: true },
    notThrough: NO_LOG,
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [
      act(0, 'lose openings', ({ fleet }) => fleet.garbler?.begin('openings')),
      act(GARBLED_MS, 'lose no more', ({ fleet }) => fleet.garbler?.end()),
    ],
  },
  {
    name: 'log-stream-flaps',
    what: `each access log stream: ended every ${FLAPS.everyMs} ms and begun anew ${FLAPS.backMs} ms later, for ${FLAPS.forMs / 1000} s, no entry lost; a rush of clients`,
    fleet: { garbled: true },
    notThrough: NO_LOG,
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [
      act(0, 'begin to break log streams', ({ fleet }) => fleet.garbler?.begin('flaps')),
      act(FLAPS.forMs, 'rush', (stage) => stage.rush(SIZE.limit)),
      act(1_000, 'break them no more', ({ fleet }) => fleet.garbler?.end()),
    ],
  },
  {
    name: 'client-resets',
    what: `one client begins and aborts ${RESETS.perSecond} upgrades a second to one pod, with one gate and Envoys of one worker, for ${RESETS.forMs / 1000} s; a rush of clients`,
    // One connection to the gate then bears all the resets.
    fleet: { gates: 1, workers: 1 },
    bounds: { keptMs: RESETS.forMs + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams() },
    actions: () => [
      act(0, 'begin to reset upgrades', ({ fleet, resetter }) =>
        resetter.begin(fleet.envoyAt(0).port, `/${fleet.podAt(0).name}/`, RESETS.perSecond),
      ),
      heal(RESETS.forMs, 'reset no more', ({ resetter }) => resetter.end()),
      rush(),
    ],
  },
];
