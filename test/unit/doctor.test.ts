/** What the doctor finds in a configuration that lacks something, and that it finds nothing in the shipped ones. */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Document, isMap, parse, parseDocument } from 'yaml';
import { CLUSTERS, EXT_AUTHZ } from '../../lab/fleet/edge.ts';
import { loadConfig } from '../../src/config/load.ts';
import { examine } from '../../src/doctor/doctor.ts';
import { viewOf } from '../../src/doctor/envoy-view.ts';
import { BROKEN_EDGES, BROKEN_HOLDS, LOG_OPTIONS, PER_ROUTE, ROUTE } from '../support/broken-envoys.ts';

const FOLDER = new URL('../../envoy/', import.meta.url);

describe.each(readdirSync(FOLDER))('envoy/%s', (file) => {
  it('is well', () => {
    expect(found(file)).toEqual([]);
  });
});

describe('in envoy/edge.yaml', () => {
  it.each(BROKEN_EDGES)('%s is found', (_, check, mutate) => {
    expect(found('edge.yaml', mutate).map((finding) => finding.check)).toEqual([check].flat());
  });

  it('hidden upgrades are well where the gate takes each Check for one', () => {
    const hide = (config: Document) =>
      config.setIn([...EXT_AUTHZ, 'allowed_headers'], config.createNode({ patterns: [{ exact: 'x-user' }] }));
    expect(found('edge.yaml', hide, { WSGATE_PROXY_UPGRADES_ONLY: 'true' })).toEqual([]);
  });

  it('an Envoy without a name is well where its address is one', () => {
    const nameless = (config: Document) => config.deleteIn([...EXT_AUTHZ, 'grpc_service', 'initial_metadata', 0]);
    expect(found('edge.yaml', nameless, { WSGATE_PROXY_FROM: '[peer]' })).toEqual([]);
  });

  it('weighted clusters are well where each has a pod', () => {
    const perRoute = (pod: string) => ({
      ws_admission: {
        '@type': PER_ROUTE,
        check_settings: { context_extensions: { pod } },
      },
    });
    const clusters = ['pod1', 'pod2'].map((name) => ({ name, weight: 1, typed_per_filter_config: perRoute(name) }));
    const weigh = (config: Document) =>
      config.setIn([...ROUTE, 'route'], config.createNode({ weighted_clusters: { clusters } }));
    expect(found('edge.yaml', weigh)).toEqual([]);
  });
});

describe('in envoy/hold.yaml', () => {
  it.each(BROKEN_HOLDS)('%s is found', (_, check, mutate) => {
    expect(found('hold.yaml', mutate).map((finding) => finding.check)).toEqual([check].flat());
  });
});

it('Envoy’s own limits are told as they are', () => {
  const limited = (config: Document) =>
    config.setIn([...CLUSTERS, 0, 'circuit_breakers', 'thresholds', 0, 'max_connections'], 50);
  expect(found('edge.yaml', limited).map(({ says }) => says)).toEqual([
    "Envoy's own limit (max_connections; its default is 1024) refuses more than 50 WebSockets",
  ]);
});

it('several Envoys with one name are found', () => {
  const views = ['a.yaml', 'b.yaml'].map((from) =>
    view(
      from,
      configOf('edge.yaml', (config) => config.setIn(['node'], config.createNode({ id: 'proxy_a' }))),
    ),
  );
  expect(examine(views, gate(), []).map(({ check, where }) => `${check} ${where}`)).toEqual([
    'one-name a.yaml, b.yaml',
  ]);
});

it('the worst comes first, and a cluster of another name is to be named', () => {
  const rename = (config: Document) => {
    config.setIn(
      [...EXT_AUTHZ, 'grpc_service', 'envoy_grpc'],
      config.createNode({ cluster_name: 'limits', authority: 'limits' }),
    );
    config.deleteIn([...CLUSTERS, 0, 'upstream_connection_options']);
    config.setIn([...EXT_AUTHZ, 'failure_mode_allow'], true);
  };
  const envoy = view('edge.yaml', configOf('edge.yaml', rename));
  expect(examine([envoy], gate(), []).map(({ check }) => check)).toEqual(['no-door']);
  expect(examine([envoy], gate(), ['limits', 'wsgate_log']).map(({ check }) => check)).toEqual([
    'failure-mode-allow',
    'pod-keepalive',
  ]);
});

it('a dump whose names are written as JSON has them is read, too', () => {
  const config = configOf('edge.yaml', (edge) => edge.deleteIn([...LOG_OPTIONS, 'access_log_flush_interval']));
  const camel = (node: unknown, key = ''): unknown => {
    if (Array.isArray(node)) return node.map((one) => camel(one));
    if (typeof node !== 'object' || node === null) return node;
    const keep = ['filter_metadata', 'typed_extension_protocol_options', 'typed_per_filter_config'].includes(key);
    return Object.fromEntries(
      Object.entries(node).map(([name, value]) => [
        keep ? name : name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
        camel(value, name),
      ]),
    );
  };
  const envoy = view('dump.json', { anything: { xds: camel(config) } });
  expect(examine([envoy], gate(), []).map(({ check }) => check)).toEqual(['no-flush-interval']);
});

it('what is no configuration of Envoy is none', () => {
  for (const other of [undefined, null, 'text', 7, [], {}, { configs: [] }]) {
    expect(viewOf('x', other, undefined)).toBeUndefined();
  }
});

function found(file: string, mutate?: (config: Document) => unknown, env: Record<string, string> = {}) {
  return examine([view(file, configOf(file, mutate))], gate(env), []);
}

/** Aliases are written out: what is changed in one place is changed there only. */
function configOf(file: string, mutate?: (config: Document) => unknown): unknown {
  const written = parse(readFileSync(new URL(file, FOLDER), 'utf8'));
  const config = parseDocument(JSON.stringify(written));
  if (!isMap(config.contents)) throw new Error(`${file} is no map`);
  mutate?.(config);
  return config.toJS();
}

function view(from: string, config: unknown) {
  const found = viewOf(from, config, undefined);
  if (!found) throw new Error(`${from} is no configuration of Envoy`);
  return found;
}

function gate(env: Record<string, string> = {}) {
  const loaded = loadConfig({ env });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  return loaded.config;
}
