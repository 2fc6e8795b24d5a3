/** Configurations of Envoy that lack something, and which check of the doctor finds it. */

import type { Document } from 'yaml';
import { CLUSTERS, EXT_AUTHZ, FILTERS, HTTP_MANAGER } from '../../lab/fleet/edge.ts';

export const ROUTE = [...HTTP_MANAGER, 'route_config', 'virtual_hosts', 0, 'routes', 0];
const LOG = [...HTTP_MANAGER, 'access_log', 0];
const LOG_CONFIG = [...LOG, 'typed_config', 'common_config'];
const LOG_FILTERS = [...LOG, 'filter', 'and_filter', 'filters'];
export const LOG_OPTIONS = [...HTTP_MANAGER, 'access_log_options'];
const HOLD = [...FILTERS, 0, 'typed_config'];
/** Behind those of the three pods of edge.yaml. */
const GATE_CLUSTER = [...CLUSTERS, 3];

export const PER_ROUTE = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute';

/** What is wrong, the checks that find it, and how to make it wrong. */
type Case = [string, string | string[], (config: Document) => unknown];

/** Of envoy/edge.yaml. */
export const BROKEN_EDGES: Case[] = [
  ['no filter that asks', 'no-door', (config) => config.deleteIn([...FILTERS, 0])],
  ['no access log', 'no-log', (config) => config.deleteIn([...HTTP_MANAGER, 'access_log'])],
  [
    'no flush interval',
    'no-flush-interval',
    (config) => config.deleteIn([...LOG_OPTIONS, 'access_log_flush_interval']),
  ],
  [
    'a long flush interval',
    'flush-interval',
    (config) => config.setIn([...LOG_OPTIONS, 'access_log_flush_interval'], '30s'),
  ],
  [
    'the deprecated flush interval',
    ['no-tunnel-entries', 'deprecated'],
    (config) => {
      config.deleteIn(LOG_OPTIONS);
      config.setIn([...HTTP_MANAGER, 'access_log_flush_interval'], '15s');
    },
  ],
  [
    'no tunnel entries',
    'no-tunnel-entries',
    (config) => config.deleteIn([...LOG_OPTIONS, 'flush_log_on_tunnel_successfully_established']),
  ],
  [
    'a filter without ends',
    'no-end-entries',
    (config) => config.deleteIn([...LOG_FILTERS, 1, 'log_type_filter', 'types', 2]),
  ],
  [
    'a filter without periodic entries',
    'no-flush-interval',
    (config) => config.deleteIn([...LOG_FILTERS, 1, 'log_type_filter', 'types', 1]),
  ],
  [
    'a filter that minds the case',
    'log-filter-case',
    (config) => config.deleteIn([...LOG_FILTERS, 0, 'header_filter', 'header', 'string_match', 'ignore_case']),
  ],
  [
    'a filter by status',
    ['no-end-entries', 'no-flush-interval', 'no-tunnel-entries'],
    (config) =>
      config.setIn(
        [...LOG, 'filter'],
        config.createNode({
          status_code_filter: { comparison: { op: 'GE', value: { default_value: 400, runtime_key: 'x' } } },
        }),
      ),
  ],
  [
    'a filter at random',
    'log-filter',
    (config) =>
      config.addIn(
        LOG_FILTERS,
        config.createNode({ runtime_filter: { runtime_key: 'x', percent_sampled: { numerator: 50 } } }),
      ),
  ],
  ['a buffer', 'log-buffer', (config) => config.deleteIn([...LOG_CONFIG, 'buffer_size_bytes'])],
  ['no pod in the log', 'no-pod-tag', (config) => config.deleteIn([...LOG_CONFIG, 'custom_tags'])],
  [
    'one cluster for Checks and log',
    'one-cluster',
    (config) => config.setIn([...LOG_CONFIG, 'grpc_service', 'envoy_grpc', 'cluster_name'], 'wsgate'),
  ],
  [
    'a name in the log that Envoy does not fill in',
    'two-names',
    (config) =>
      config.setIn(
        [...LOG_CONFIG, 'grpc_service', 'initial_metadata'],
        config.createNode([{ key: 'x-wsgate-proxy', value: '%ENVIRONMENT(PROXY_ID)%' }]),
      ),
  ],
  [
    'a name that is not that of the node',
    'two-names',
    (config) => {
      config.setIn(['node'], config.createNode({ id: 'proxy_a' }));
      config.setIn([...EXT_AUTHZ, 'grpc_service', 'initial_metadata', 0, 'value'], 'proxy_b');
    },
  ],
  ['no name in Checks', 'no-name', (config) => config.deleteIn([...EXT_AUTHZ, 'grpc_service', 'initial_metadata', 0])],
  [
    'a Check that waits for ten minutes',
    'timeout',
    (config) => config.setIn([...EXT_AUTHZ, 'grpc_service', 'timeout'], '600s'),
  ],
  [
    'a Check that waits for less than the gate may',
    'timeout',
    (config) => config.setIn([...EXT_AUTHZ, 'grpc_service', 'timeout'], '0.050s'),
  ],
  ['a filter that lets in', 'failure-mode-allow', (config) => config.setIn([...EXT_AUTHZ, 'failure_mode_allow'], true)],
  ['a filter that answers 403', 'status-on-error', (config) => config.deleteIn([...EXT_AUTHZ, 'status_on_error'])],
  [
    'hidden upgrades',
    'hidden-upgrades',
    (config) => config.setIn([...EXT_AUTHZ, 'allowed_headers'], config.createNode({ patterns: [{ exact: 'x-user' }] })),
  ],
  [
    'upgrades taken out',
    'hidden-upgrades',
    (config) => config.addIn([...EXT_AUTHZ, 'disallowed_headers', 'patterns'], config.createNode({ prefix: 'up' })),
  ],
  [
    'no metadata of the route',
    'no-namespaces',
    (config) => config.deleteIn([...EXT_AUTHZ, 'route_metadata_context_namespaces']),
  ],
  [
    'retries in the wrong place',
    'no-retry',
    (config) =>
      config.setIn([...EXT_AUTHZ, 'grpc_service', 'envoy_grpc', 'retry_policy'], config.createNode({ num_retries: 1 })),
  ],
  [
    'no metadata of the answer',
    'no-metadata',
    (config) => config.setIn([...EXT_AUTHZ, 'enable_dynamic_metadata_ingestion'], false),
  ],
  [
    'an authority that Node refuses',
    'authority',
    (config) => config.setIn([...EXT_AUTHZ, 'grpc_service', 'envoy_grpc', 'authority'], 'outbound|7070||wsgate'),
  ],
  [
    'a route that is not asked about',
    'route-without-door',
    (config) =>
      config.setIn(
        [...ROUTE, 'typed_per_filter_config'],
        config.createNode({ ws_admission: { '@type': PER_ROUTE, disabled: true } }),
      ),
  ],
  [
    'weighted clusters',
    'weighted-clusters',
    (config) =>
      config.setIn(
        [...ROUTE, 'route'],
        config.createNode({
          weighted_clusters: {
            clusters: [
              { name: 'pod1', weight: 1 },
              { name: 'pod2', weight: 1 },
            ],
          },
        }),
      ),
  ],
  [
    'a mirror',
    'mirrored',
    (config) => config.setIn([...ROUTE, 'route', 'request_mirror_policies'], config.createNode([{ cluster: 'pod2' }])),
  ],
  [
    'Envoy’s default for quiet streams',
    'stream-idle-timeout',
    (config) => config.deleteIn([...HTTP_MANAGER, 'stream_idle_timeout']),
  ],
  [
    'HTTP/1.1 to the gate',
    'no-http2',
    (config) => {
      config.deleteIn([...GATE_CLUSTER, 'typed_extension_protocol_options']);
      config.deleteIn([...GATE_CLUSTER, 'health_checks']); // Envoy does not start with gRPC's over HTTP/1.1
    },
  ],
  [
    'no keepalive to the gate',
    'gate-keepalive',
    (config) =>
      config.setIn(
        [
          ...GATE_CLUSTER,
          'typed_extension_protocol_options',
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
          'explicit_http_config',
          'http2_protocol_options',
        ],
        {},
      ),
  ],
  [
    'Envoy’s own limit on Checks',
    'circuit-breakers',
    (config) => config.deleteIn([...GATE_CLUSTER, 'circuit_breakers']),
  ],
  ['Envoy’s own limit on a pod', 'circuit-breakers', (config) => config.deleteIn([...CLUSTERS, 0, 'circuit_breakers'])],
  [
    'no keepalive to a pod',
    'pod-keepalive',
    (config) => config.deleteIn([...CLUSTERS, 0, 'upstream_connection_options']),
  ],
];

/** Of envoy/hold.yaml. */
export const BROKEN_HOLDS: Case[] = [
  [
    'a door that closes with its gate',
    'hold-fails-closed',
    (config) => config.deleteIn([...HOLD, 'failure_mode_allow']),
  ],
  ['a door without a guard', 'hold-unguarded', (config) => config.deleteIn([...FILTERS, 1])],
  [
    'a door that lets go',
    'hold-lets-go',
    (config) => config.deleteIn([...HOLD, 'processing_mode', 'response_trailer_mode']),
  ],
  [
    'a door that asks nobody',
    'hold-asks-nobody',
    (config) => config.setIn([...HOLD, 'processing_mode', 'request_header_mode'], 'SKIP'),
  ],
  ['bodies', 'hold-bodies', (config) => config.setIn([...HOLD, 'processing_mode', 'request_body_mode'], 'BUFFERED')],
  ['no name', 'no-name', (config) => config.deleteIn([...HOLD, 'request_attributes', 0])],
];
