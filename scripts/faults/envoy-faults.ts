/** What happens to Envoys, and between them and the gates. */

import type { Fault } from './fault.ts';
import type { Action } from './plan.ts';
import { DEAD_PROXY_MS, FLUSHED_MS, LOST_END_MS, SCALE, SIZE } from './scale.ts';

const CUT_MS = SCALE.ttlMs + 2_000;
const RESTART_MS = 2_000;

function end(proxy: number, signal: 'SIGKILL' | 'SIGTERM'): Action {
  return {
    afterMs: 0,
    what: `${signal} Envoy ${proxy + 1}`,
    run: ({ fleet }) => {
      fleet.doomed.add(fleet.envoy(proxy));
      return fleet.end(fleet.envoy(proxy), signal);
    },
  };
}

export const envoyFaults: readonly Fault[] = [
  {
    name: 'envoy-sigkill',
    what: 'one of two Envoys: SIGKILL, for good',
    bounds: { keptMs: DEAD_PROXY_MS, uncountedMs: 0, settleMs: DEAD_PROXY_MS },
    actions: (random) => [end(random.below(SIZE.proxies), 'SIGKILL')],
  },
  {
    name: 'envoy-sigterm',
    what: 'one of two Envoys: SIGTERM, for good',
    bounds: { keptMs: FLUSHED_MS, uncountedMs: 0, settleMs: FLUSHED_MS },
    actions: (random) => [end(random.below(SIZE.proxies), 'SIGTERM')],
  },
  {
    name: 'envoy-restart',
    what: `one of two Envoys: SIGKILL, started again under the same id ${RESTART_MS / 1000} s later`,
    bounds: { keptMs: RESTART_MS + 1_000 + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: (random) => {
      const proxy = random.below(SIZE.proxies);
      return [
        end(proxy, 'SIGKILL'),
        { afterMs: RESTART_MS, what: `start Envoy ${proxy + 1}`, run: ({ fleet }) => fleet.startEnvoy(proxy) },
      ];
    },
  },
  {
    name: 'envoy-twins',
    what: 'two Envoys with one id for 5 s (hot restart), then SIGTERM for the older',
    bounds: { keptMs: FLUSHED_MS, uncountedMs: 0, settleMs: FLUSHED_MS },
    actions: (random) => {
      const proxy = random.below(SIZE.proxies);
      return [
        {
          afterMs: 0,
          what: `start another Envoy ${proxy + 1}`,
          run: ({ fleet }) => {
            fleet.doomed.add(fleet.envoy(proxy));
            return fleet.startEnvoy(proxy);
          },
        },
        {
          afterMs: 5_000,
          what: `SIGTERM the older Envoy ${proxy + 1}`,
          run: async ({ fleet }) => {
            for (const older of fleet.doomed) await fleet.end(older, 'SIGTERM');
          },
        },
      ];
    },
  },
  {
    name: 'envoy-cut-from-gates',
    what: `the network between one of two Envoys and the gates: cut for ${CUT_MS / 1000} s`,
    fleet: { gateWiresOf: 0 },
    bounds: { keptMs: CUT_MS + LOST_END_MS, uncountedMs: 0, settleMs: LOST_END_MS },
    actions: () => [
      { afterMs: 0, what: 'cut Envoy 1 from the gates', run: ({ fleet }) => fleet.network.cutGates() },
      { afterMs: CUT_MS, what: 'heal the cut', run: ({ fleet }) => fleet.network.healGates() },
    ],
  },
];
