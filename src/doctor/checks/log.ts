/** The access log that goes to a gate. */

import type { Config } from '../../config/schema.ts';
import type { Finding } from '../finding.ts';
import { type AccessLog, type GateSide, metadataOf, podOf, targetOf } from '../gate-side.ts';
import { at, durationMs, list, number, text } from '../json.ts';
import { type EntryType, judge } from '../log-filter.ts';

/** The gate takes 2.5 silent intervals for evidence, and a ttl at least. */
const SILENT_INTERVALS = 2.5;

export function examineLog(side: GateSide, gate: Config): Finding[] {
  const { logs, doors, manager } = side;
  const [log] = logs;
  if (doors.length === 0) return [];
  const held = doors.some(({ kind }) => kind === 'ext_proc');
  if (log) return [...examineFilter(side, log, held), ...options(side, log, gate, held), ...wires(side, log)];
  if (held) return [];
  return [
    {
      check: 'no-log',
      cost: 'slots',
      where: manager.where,
      says: `no access log goes to a gate: it hears of no close, and no slot is free before lease.unrenewedMax`,
      line: 'access_log and access_log_options, as in envoy/edge.yaml',
    },
  ];
}

const ENTRIES: Readonly<Record<EntryType, Pick<Finding, 'check' | 'cost' | 'says'>>> = {
  DownstreamEnd: {
    check: 'no-end-entries',
    cost: 'slots',
    says: 'the filter drops the entries of closes: no slot is free before lease.unrenewedMax',
  },
  DownstreamPeriodic: {
    check: 'no-flush-interval',
    cost: 'slots',
    says: 'the filter drops periodic entries: a slot whose close is lost stays taken until lease.unrenewedMax',
  },
  DownstreamTunnelSuccessfullyEstablished: {
    check: 'no-tunnel-entries',
    cost: 'advice',
    says: 'the filter drops the entries of openings: a connection is shown as reserved for up to one flush interval',
  },
};

function examineFilter({ manager }: GateSide, { filter }: AccessLog, held: boolean): Finding[] {
  const where = `${manager.where}, access log`;
  const line =
    'header_filter on upgrade with ignore_case, and log_type_filter with DownstreamTunnelSuccessfullyEstablished, ' +
    'DownstreamPeriodic, DownstreamEnd, as in envoy/edge.yaml';
  const judged = (Object.keys(ENTRIES) as EntryType[]).map((type) => ({ type, ...judge(filter, type) }));
  const dropped = judged.filter(({ passes }) => passes === 'no').map(({ type }) => ({ ...ENTRIES[type], where, line }));
  const doubts = [...new Set(judged.flatMap(({ passes, why }) => (passes === 'perhaps' ? why : [])))];
  const unsure = doubts.map((why): Finding => {
    const byCase = why === 'upgrade';
    return {
      check: byCase ? 'log-filter-case' : 'log-filter',
      cost: held ? 'advice' : 'slots',
      where,
      says: byCase
        ? 'the filter compares upgrade with regard to case: a client that writes WebSocket is never logged, and its slot stays taken'
        : `${why} may drop entries of some connections, whose slots then stay taken`,
      line: byCase ? 'string_match: {exact: websocket, ignore_case: true}' : line,
    };
  });
  return [...dropped.filter(({ cost }) => !held || cost === 'advice'), ...unsure];
}

function options({ manager }: GateSide, { config }: AccessLog, gate: Config, held: boolean): Finding[] {
  const where = manager.where;
  const own = at(manager.config, 'access_log_options');
  const old = at(manager.config, 'access_log_flush_interval') !== undefined;
  const flushMs =
    durationMs(own, 'access_log_flush_interval') ?? durationMs(manager.config, 'access_log_flush_interval');
  const found: Finding[] = [];
  const line =
    'access_log_options: {access_log_flush_interval: 15s, flush_log_on_tunnel_successfully_established: true}';
  if (flushMs === undefined) {
    if (!held)
      found.push({
        check: 'no-flush-interval',
        cost: 'slots',
        where,
        says: 'Envoy never speaks of open connections: a slot whose close is lost stays taken until lease.unrenewedMax',
        line,
      });
  } else if (flushMs * SILENT_INTERVALS > gate.lease.ttl) {
    found.push({
      check: 'flush-interval',
      cost: 'slots',
      where,
      says: `an entry each ${flushMs / 1000} s is seldom for a lease.ttl of ${gate.lease.ttl / 1000} s: lost closes are noticed late`,
      line: `access_log_flush_interval: ${Math.max(1, Math.floor(gate.lease.ttl / 4000))}s`,
    });
  }
  if (at(own, 'flush_log_on_tunnel_successfully_established') !== true) {
    found.push({
      check: 'no-tunnel-entries',
      cost: 'advice',
      where,
      says: 'Envoy does not tell of the 101: a connection is shown as reserved for up to one flush interval',
      line,
    });
  }
  if (old) {
    found.push({
      check: 'deprecated',
      cost: 'advice',
      where,
      says: 'access_log_flush_interval beside access_log_options is deprecated',
      line,
    });
  }
  if (number(config, 'buffer_size_bytes') !== 0) {
    found.push({
      check: 'log-buffer',
      cost: 'slots',
      where: `${where}, access log`,
      says: 'entries wait in a buffer: closes are told late, and those in it are lost when Envoy ends',
      line: 'buffer_size_bytes: 0',
    });
  }
  return found;
}

function wires({ manager, doors }: GateSide, { config, service }: AccessLog): Finding[] {
  const where = `${manager.where}, access log`;
  const found: Finding[] = [];
  const name = metadataOf(service, 'x-wsgate-proxy');
  if (name?.includes('%ENVIRONMENT(')) {
    found.push({
      check: 'two-names',
      cost: 'slots',
      where,
      says: `Envoy sends ${name} as it stands in the access log's initial_metadata: closes are told under another name`,
      line: 'no x-wsgate-proxy there; start Envoy with --service-node, the same as PROXY_ID',
    });
  }
  if (doors.some((door) => door.kind === 'ext_authz' && targetOf(door.service) === targetOf(service))) {
    found.push({
      check: 'one-cluster',
      cost: 'advice',
      where,
      says: `Checks and log share the cluster ${targetOf(service)}: one client that aborts many upgrades can end its connection, and closes are lost`,
      line: 'a cluster of the log’s own that leads to the same gates: wsgate_log in envoy/edge.yaml',
    });
  }
  const tagged = list(config, 'custom_tags').some((tag) => text(tag, 'tag') === 'pod');
  if (!tagged && manager.routes.some((route) => podOf(route) !== undefined)) {
    found.push({
      check: 'no-pod-tag',
      cost: 'limit',
      where,
      says: 'a WebSocket that opened while no gate was asked is not counted: its entries do not tell its pod',
      line: 'custom_tags: [{tag: pod, metadata: {kind: {route: {}}, metadata_key: {key: wsgate, path: [{key: pod}]}}}]',
    });
  }
  return found;
}
