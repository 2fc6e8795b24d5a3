/** What clients and messages do. */

import type { Fault } from './fault.ts';
import { FLUSHED_MS, LOST_END_MS, SCALE, SIZE } from './scale.ts';

const GARBLED_MS = SCALE.ttlMs;
/** Times the limit. */
const STORM = 3;

export const loadFaults: readonly Fault[] = [
  {
    name: 'reconnect-storm',
    what: `all clients cut off at once; ${STORM} times the limit come back at once`,
    bounds: { keptMs: FLUSHED_MS, uncountedMs: 0, settleMs: FLUSHED_MS },
    actions: () => [
      { afterMs: 0, what: 'reset every connection', run: ({ crowd }) => crowd.leaveAll('reset') },
      {
        afterMs: 0,
        what: `open ${STORM} times the limit`,
        run: (bench) => bench.rush((STORM * SIZE.limit) / SIZE.proxies),
      },
    ],
  },
  {
    name: 'log-garbled',
    what: `of the access log entries, for ${GARBLED_MS / 1000} s: 30 % lost; of the others, 20 % doubled and 20 % late by up to 1.5 s`,
    fleet: { garbled: true },
    bounds: { keptMs: LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: () => [
      { afterMs: 0, what: 'garble', run: ({ fleet }) => fleet.garbler?.begin('random') },
      { afterMs: GARBLED_MS, what: 'garble no more', run: ({ fleet }) => fleet.garbler?.end() },
    ],
  },
  {
    name: 'log-openings-lost',
    what: `of each connection's access log, for ${GARBLED_MS / 1000} s: the first two entries lost`,
    fleet: { garbled: true },
    bounds: { keptMs: FLUSHED_MS, uncountedMs: 0, settleMs: FLUSHED_MS },
    actions: () => [
      { afterMs: 0, what: 'lose openings', run: ({ fleet }) => fleet.garbler?.begin('openings') },
      { afterMs: GARBLED_MS, what: 'lose no more', run: ({ fleet }) => fleet.garbler?.end() },
    ],
  },
];
