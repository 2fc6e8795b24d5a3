/** Whether upgrades come to a gate at all, and who asks in whose name. */

import type { Config } from '../../config/schema.ts';
import type { Finding } from '../finding.ts';
import { type Door, type GateSide, isOff, metadataOf, podOf } from '../gate-side.ts';
import { at, isA, text } from '../json.ts';
import { namedElsewhere } from './hold.ts';

export function examineDoors(side: GateSide, gate: Config): Finding[] {
  const { manager, doors } = side;
  if (doors.length === 0) {
    return [
      {
        check: 'no-door',
        cost: 'limit',
        where: manager.where,
        says: 'no filter asks a gate about the WebSockets of this listener: they are not limited',
        line: 'upgrade_configs: [{upgrade_type: websocket, filters: […]}], as in envoy/edge.yaml or envoy/hold.yaml',
      },
    ];
  }
  return [...unaskedRoutes(side), ...unnamed(side, gate), ...stolen(side)];
}

/** Routes whose pod is told, and whose upgrades pass every door by. */
function unaskedRoutes({ manager, doors }: GateSide): Finding[] {
  const unasked = manager.routes.filter(
    (route) => podOf(route) !== undefined && doors.every((door) => isOff(door, route)),
  );
  return unasked.map(({ where }) => ({
    check: 'route-without-door',
    cost: 'limit',
    where,
    says: 'the route has a pod, and the filter that asks a gate is off there: its WebSockets are not limited',
    line: 'typed_per_filter_config without disabled: true for that filter',
  }));
}

function unnamed({ view, manager, doors }: GateSide, gate: Config): Finding[] {
  if (namedElsewhere(gate)) return [];
  const checks = doors.filter(({ kind }) => kind === 'ext_authz');
  return checks.flatMap((door): Finding[] => {
    if (metadataOf(door.service, 'x-wsgate-proxy') !== undefined || hasLabel(door, view.node)) return [];
    return [
      {
        check: 'no-name',
        cost: 'refusals',
        where: `${manager.where}, filter ${door.filter.name}`,
        says: 'nothing tells the gate which Envoy asks: upgrades get 403 PROXY_UNKNOWN',
        line: 'initial_metadata: [{key: x-wsgate-proxy, value: "%ENVIRONMENT(PROXY_ID)%"}]; or proxy.from: [peer] in every gate',
      },
    ];
  });
}

function hasLabel({ config }: Door, node: unknown): boolean {
  const key = text(config, 'bootstrap_metadata_labels_key');
  return key !== undefined && text(node, 'metadata', key, 'proxy_id') !== undefined;
}

/** What takes the gate's answers off again. */
function stolen({ manager, doors }: GateSide): Finding[] {
  return doors
    .filter(({ config }) => isA(config, 'ExtAuthz') && at(config, 'enable_dynamic_metadata_ingestion') === false)
    .map(({ filter }) => ({
      check: 'no-metadata',
      cost: 'slots',
      where: `${manager.where}, filter ${filter.name}`,
      says: 'Envoy drops the metadata of the answer: the log does not name the lease',
      line: 'no enable_dynamic_metadata_ingestion: false',
    }));
}
