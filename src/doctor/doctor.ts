/** What is wrong with Envoys for wsgate: each check in `checks/` is a function from a gate's side of an Envoy to findings. */

import type { Config } from '../config/schema.ts';
import { examineClusters } from './checks/clusters.ts';
import { examineDoors } from './checks/doors.ts';
import { examineExtAuthz } from './checks/ext-authz.ts';
import { examineHold } from './checks/hold.ts';
import { examineLog } from './checks/log.ts';
import { examineName, examineNames } from './checks/names.ts';
import { examineRoutes } from './checks/routes.ts';
import type { EnvoyView } from './envoy-view.ts';
import { byCost, type Finding } from './finding.ts';
import { clustersOfGates, type GateSide, gateSide } from './gate-side.ts';

const CHECKS: readonly ((side: GateSide, gate: Config) => Finding[])[] = [
  examineDoors,
  examineExtAuthz,
  examineHold,
  examineLog,
  examineName,
  examineRoutes,
  examineClusters,
];

/** `clusters`: those of gates, where they are not to be recognized. The worst come first; none is told twice. */
export function examine(envoys: readonly EnvoyView[], gate: Config, clusters: readonly string[]): Finding[] {
  const sides = envoys.flatMap((view) => {
    const gates = clusters.length > 0 ? new Set(clusters) : clustersOfGates(view);
    return view.managers.map((manager) => gateSide(view, manager, gates));
  });
  const several = envoys.length > 1;
  const found = sides.flatMap((side) =>
    CHECKS.flatMap((check) => check(side, gate)).map((finding) =>
      several ? { ...finding, where: `${side.view.from}: ${finding.where}` } : finding,
    ),
  );
  const unheard = envoys
    .filter(({ managers }) => managers.length === 0)
    .map(
      ({ from }): Finding => ({
        check: 'no-websockets',
        cost: 'advice',
        where: from,
        says: 'no listener of this Envoy lets WebSockets through',
        line: 'upgrade_configs: [{upgrade_type: websocket}]',
      }),
    );
  const all = [...found, ...unheard, ...examineNames(sides)];
  const once = new Map(all.map((finding) => [JSON.stringify(finding), finding]));
  return [...once.values()].sort(byCost);
}
