/** Names that have to be one, and names that must not be. */

import type { Finding } from '../finding.ts';
import { type GateSide, metadataOf } from '../gate-side.ts';

/** One Envoy: its Checks and its log. */
export function examineName({ view, doors, logs, manager }: GateSide): Finding[] {
  if (logs.length === 0 || doors.some(({ kind }) => kind === 'ext_proc')) return [];
  const logName = logs.map(({ service }) => literal(metadataOf(service, 'x-wsgate-proxy')))[0] ?? view.nodeId;
  const checkName = doors.map(({ service }) => literal(metadataOf(service, 'x-wsgate-proxy')))[0];
  if (logName === undefined && !view.from.startsWith('http')) return []; // --service-node is not in a file
  if (logName === undefined) {
    return [
      {
        check: 'nameless-log',
        cost: 'slots',
        where: manager.where,
        says: 'the access log does not say whose it is: no slot of its connections is freed',
        line: 'start Envoy with --service-node, the same as PROXY_ID',
      },
    ];
  }
  if (checkName === undefined || checkName === logName) return [];
  return [
    {
      check: 'two-names',
      cost: 'slots',
      where: manager.where,
      says: `Checks come from ${checkName} and the log from ${logName}: no close of it frees a slot`,
      line: `--service-node ${checkName}`,
    },
  ];
}

/** Several Envoys. */
export function examineNames(sides: readonly GateSide[]): Finding[] {
  const users = new Map<string, Set<string>>();
  for (const { view, doors } of sides) {
    const names = [view.nodeId, ...doors.map(({ service }) => literal(metadataOf(service, 'x-wsgate-proxy')))];
    for (const name of new Set(names)) {
      if (name !== undefined) users.set(name, (users.get(name) ?? new Set()).add(view.from));
    }
  }
  return [...users]
    .filter(([, from]) => from.size > 1)
    .map(([name, from]) => ({
      check: 'one-name',
      cost: 'slots',
      where: [...from].join(', '),
      says: `${from.size} Envoys have the name ${name}: they are counted as one, and when one dies, its slots stay taken`,
      line: 'another PROXY_ID and --service-node for each Envoy',
    }));
}

/** What Envoy fills in is not known here. */
function literal(value: string | undefined): string | undefined {
  return value?.includes('%') ? undefined : value;
}
