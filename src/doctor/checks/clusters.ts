/** The clusters of pods and of gates. */

import type { Finding } from '../finding.ts';
import { clustersOf, type GateSide, podOf, targetOf } from '../gate-side.ts';
import { at, isObject, type Json, list, number, text } from '../json.ts';

/** Envoy's bound on connections, pending requests and requests of a cluster. */
const BREAKER_DEFAULT = 1024;
const BREAKERS = ['max_connections', 'max_pending_requests', 'max_requests'] as const;
/** What Node's HTTP/2 takes as an authority. */
const AUTHORITY = /^[A-Za-z0-9._:[\]-]+$/;

export function examineClusters({ view, doors, logs, manager }: GateSide): Finding[] {
  if (doors.length === 0) return []; // none of its business
  const services = [...doors, ...logs].map(({ service }) => service);
  const gates = new Set(services.flatMap((service) => targetOf(service) ?? []));
  const asking = new Set(doors.flatMap(({ service }) => targetOf(service) ?? []));
  const pods = new Set(manager.routes.filter((route) => podOf(route) !== undefined).flatMap(clustersOf));
  return [
    ...services.flatMap((service) => authority(service)),
    ...[...gates].flatMap((name) => gateCluster(name, view.clusters.get(name), asking.has(name))),
    ...[...pods].flatMap((name) => podCluster(name, view.clusters.get(name))),
  ];
}

function authority(service: Json): Finding[] {
  const name = text(service, 'envoy_grpc', 'cluster_name');
  const sent = text(service, 'envoy_grpc', 'authority') ?? name;
  if (sent === undefined || AUTHORITY.test(sent)) return [];
  return [
    {
      check: 'authority',
      cost: 'refusals',
      where: `cluster ${name}`,
      says: `Envoy sends ${sent} as the :authority, which the gate's HTTP/2 refuses: no call arrives`,
      line: 'envoy_grpc: {authority: wsgate}',
    },
  ];
}

function gateCluster(name: string, cluster: Json, asks: boolean): Finding[] {
  const where = `cluster ${name}`;
  if (cluster === undefined) return [];
  const http2 = http2Of(cluster);
  if (http2 === undefined) {
    return [
      {
        check: 'no-http2',
        cost: 'refusals',
        where,
        says: 'the cluster speaks HTTP/1.1, and the gate gRPC: no call arrives',
        line: 'typed_extension_protocol_options with explicit_http_config: {http2_protocol_options: {}}, as in envoy/edge.yaml',
      },
    ];
  }
  const found: Finding[] = [];
  if (at(http2, 'connection_keepalive') === undefined && !isLocal(cluster)) {
    found.push({
      check: 'gate-keepalive',
      cost: 'slots',
      where,
      says: 'Envoy goes on talking to a gate that hangs, and what it says there is lost',
      line: 'http2_protocol_options: {connection_keepalive: {interval: 3s, timeout: 2s}}',
    });
  }
  return asks ? [...found, ...breakers(where, cluster, 'Checks and held streams at once')] : found;
}

/** A gate behind a unix socket is the only one: there is no other to turn to. */
function isLocal(cluster: Json): boolean {
  const endpoints = list(cluster, 'load_assignment', 'endpoints').flatMap((locality) => list(locality, 'lb_endpoints'));
  return endpoints.length > 0 && endpoints.every((one) => at(one, 'endpoint', 'address', 'pipe') !== undefined);
}

function podCluster(name: string, cluster: Json): Finding[] {
  const where = `cluster ${name}`;
  if (cluster === undefined) return [];
  const found = breakers(where, cluster, 'WebSockets');
  if (at(cluster, 'upstream_connection_options', 'tcp_keepalive') === undefined) {
    found.push({
      check: 'pod-keepalive',
      cost: 'slots',
      where,
      says: 'a pod whose machine vanished keeps its slots until stream_idle_timeout',
      line: 'upstream_connection_options: {tcp_keepalive: {keepalive_time: 60, keepalive_interval: 10, keepalive_probes: 3}}',
    });
  }
  return found;
}

function breakers(where: string, cluster: Json, what: string): Finding[] {
  // Without a priority it is DEFAULT.
  const thresholds = list(cluster, 'circuit_breakers', 'thresholds').find((one) => text(one, 'priority') !== 'HIGH');
  const limitOf = (name: string) => number(thresholds, name) ?? BREAKER_DEFAULT;
  // A gate's connections carry many streams each.
  const counted = BREAKERS.filter((name) => http2Of(cluster) === undefined || name !== 'max_connections');
  const low = counted.filter((name) => limitOf(name) <= BREAKER_DEFAULT);
  if (low.length === 0) return [];
  const most = Math.min(...low.map(limitOf));
  return [
    {
      check: 'circuit-breakers',
      cost: 'refusals',
      where,
      says: `Envoy's own limit (${low.join(', ')}; its default is ${BREAKER_DEFAULT}) refuses more than ${most} ${what}`,
      line: 'circuit_breakers: {thresholds: [{max_connections: 100000, max_pending_requests: 100000, max_requests: 100000}]}',
    },
  ];
}

function http2Of(cluster: Json): Json {
  const options = at(cluster, 'typed_extension_protocol_options');
  const typed = isObject(options) ? Object.values(options) : [];
  const found = typed.flatMap(
    (one) =>
      at(one, 'explicit_http_config', 'http2_protocol_options') ??
      at(one, 'use_downstream_protocol_config', 'http2_protocol_options') ??
      at(one, 'auto_config', 'http2_protocol_options') ??
      [],
  );
  return found[0] ?? at(cluster, 'http2_protocol_options');
}
