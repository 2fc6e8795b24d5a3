/** What happens to Envoys, and between them and the gates. */

import { act, type Fault, heal, NO_LOG, rush, toldByStreams } from './fault.ts';
import type { Action } from './plan.ts';
import { BEYOND_TTL_MS, DEAD_PROXY_MS, FREED_MS, LOST_END_MS, SCALE, SIZE } from './scale.ts';

/** A lease that nobody renews expires after one ttl; its silence could count as evidence some time later. */
const STEADY_MS = 2.5 * SCALE.ttlMs;
const RESTART_MS = 2_000;

function end(proxy: number, signal: 'SIGKILL' | 'SIGTERM'): Action {
  return act(0, `${signal} Envoy ${proxy + 1}`, (stage) => stage.endEnvoy(proxy, signal));
}

export const envoyFaults: readonly Fault[] = [
  {
    name: 'envoy-sigkill',
    what: 'one of two Envoys: SIGKILL, for good',
    bounds: { keptMs: DEAD_PROXY_MS, uncountedMs: 0, settleMs: DEAD_PROXY_MS },
    boundsThrough: { hold: toldByStreams() },
    actions: (random) => [end(random.below(SIZE.proxies), 'SIGKILL')],
  },
  {
    name: 'envoy-sigterm',
    what: 'one of two Envoys: SIGTERM, for good',
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: (random) => [end(random.below(SIZE.proxies), 'SIGTERM')],
  },
  {
    name: 'envoy-restart',
    what: `one of two Envoys: SIGKILL, started again under the same id ${RESTART_MS / 1000} s later`,
    bounds: { keptMs: RESTART_MS + 1_000 + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams() },
    actions: (random) => {
      const proxy = random.below(SIZE.proxies);
      return [
        end(proxy, 'SIGKILL'),
        act(RESTART_MS, `start Envoy ${proxy + 1}`, ({ fleet }) => fleet.startEnvoy(proxy)),
      ];
    },
  },
  {
    name: 'envoy-twins',
    what: 'two Envoys with one id for 5 s (hot restart), then SIGTERM for the older',
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: (random) => {
      const proxy = random.below(SIZE.proxies);
      return [
        act(0, `start another Envoy ${proxy + 1}`, ({ fleet }) => {
          fleet.doomed.add(fleet.envoyAt(proxy));
          return fleet.startEnvoy(proxy);
        }),
        act(5_000, `SIGTERM the older Envoy ${proxy + 1}`, async ({ fleet }) => {
          for (const older of fleet.doomed) await fleet.end(older, 'SIGTERM');
        }),
      ];
    },
  },
  {
    name: 'envoy-cut-from-gates',
    what: `the network between one of two Envoys and the gates: cut for ${BEYOND_TTL_MS / 1000} s, a rush of clients`,
    fleet: { gateWiresOf: 0 },
    bounds: { keptMs: BEYOND_TTL_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    boundsThrough: { hold: toldByStreams() },
    actions: () => [
      act(0, 'cut Envoy 1 from the gates', (stage) => stage.fleet.cutGates()),
      heal(BEYOND_TTL_MS, 'heal the cut', ({ fleet }) => fleet.healGates()),
      rush(),
    ],
  },
  {
    name: 'no-flush-interval',
    what: `Envoys without access_log_flush_interval: ${STEADY_MS / 1000} s in which clients come and go, a rush of clients`,
    fleet: { noFlush: true },
    notThrough: NO_LOG,
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [act(STEADY_MS, 'clients have come and gone', () => {}), rush()],
  },
  {
    name: 'log-filter-drops-half',
    what: `Envoys whose access log leaves out every second connection, from its beginning to its end: ${STEADY_MS / 1000} s in which clients come and go, a rush of clients`,
    fleet: { logsHalf: true },
    notThrough: NO_LOG,
    bounds: { keptMs: FREED_MS, uncountedMs: 0, settleMs: FREED_MS },
    actions: () => [act(STEADY_MS, 'clients have come and gone', () => {}), rush()],
  },
];
