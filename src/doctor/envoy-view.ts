/** An Envoy's configuration as far as wsgate is concerned, from whatever form it is given in. */

import { at, isA, isObject, items, type Json, list, text } from './json.ts';

export interface EnvoyView {
  /** A file's name or a URL. */
  readonly from: string;
  readonly nodeId: string | undefined;
  readonly node: Json;
  readonly managers: readonly Manager[];
  readonly clusters: ReadonlyMap<string, Json>;
}

/** An HTTP connection manager that lets WebSockets through. */
export interface Manager {
  readonly where: string;
  readonly config: Json;
  /** Those that run for upgrades. */
  readonly filters: readonly Filter[];
  /** Whether they run for nothing but upgrades. */
  readonly upgradesOnly: boolean;
  readonly routes: readonly Route[];
}

export interface Filter {
  readonly name: string;
  readonly config: Json;
  /** Off, but for routes that turn it on. */
  readonly disabled: boolean;
}

export interface Route {
  readonly where: string;
  readonly config: Json;
  /** By the filter's name: that of the weighted cluster is not among them. */
  readonly filterConfigs: ReadonlyMap<string, Json>;
}

/**
 * `found`: an answer of the admin port's `/config_dump`, a bootstrap configuration, or something that holds one of them, as
 * tools of control planes print it. Undefined when it is none of these.
 */
export function viewOf(from: string, found: Json, serviceNode: string | undefined): EnvoyView | undefined {
  const dump = find(found, (node) => list(node, 'configs').length > 0);
  const bootstrap = find(found, (node) => isObject(at(node, 'static_resources')));
  if (!dump && !bootstrap) return undefined;
  const sections = list(dump, 'configs');
  const node = at(bootstrap, 'node');
  const listeners = dump ? resources(sections, 'listener') : [...list(bootstrap, 'static_resources', 'listeners')];
  const clusters = dump ? resources(sections, 'cluster') : list(bootstrap, 'static_resources', 'clusters');
  const named = new Map(resources(sections, 'route_config').map((config) => [text(config, 'name'), config]));
  const discovered = new Map(resources(sections, 'ecds_filter').map((config) => [text(config, 'name'), config]));
  return {
    from,
    nodeId: text(node, 'id') ?? serviceNode,
    node,
    managers: listeners.flatMap((listener) => managersOf(listener, { named, discovered })),
    clusters: new Map(clusters.map((cluster) => [text(cluster, 'name') ?? '', cluster])),
  };
}

/** How deep tools hide a dump in what they print. */
const DEPTH_MAX = 4;

function find(node: Json, is: (node: Json) => boolean, depth = 0): Json {
  if (is(node)) return node;
  if (depth === DEPTH_MAX) return undefined;
  const children = isObject(node) ? Object.values(node) : items(node);
  for (const child of children) {
    const found = find(child, is, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `kind`: the field that holds one, in each entry of each list of a section; of a dynamic listener it is in its state. */
function resources(sections: readonly Json[], kind: string): Json[] {
  const lists = sections.flatMap((section) => (isObject(section) ? Object.values(section) : []));
  return lists.flatMap((entries) =>
    items(entries).flatMap((entry) => at(entry, kind) ?? at(entry, 'active_state', kind) ?? []),
  );
}

interface Discovered {
  /** Route configurations by name. */
  readonly named: ReadonlyMap<string | undefined, Json>;
  /** Filters by name. */
  readonly discovered: ReadonlyMap<string | undefined, Json>;
}

function managersOf(listener: Json, known: Discovered): Manager[] {
  const chains = [...list(listener, 'filter_chains'), at(listener, 'default_filter_chain') ?? []];
  const configs = chains.flatMap((chain) => list(chain, 'filters').map((filter) => at(filter, 'typed_config')));
  const managers = [...configs, at(listener, 'api_listener', 'api_listener')].filter((config) =>
    isA(config, 'HttpConnectionManager'),
  );
  const name = text(listener, 'name') ?? 'without a name';
  return managers.flatMap((config, index) => {
    const where = managers.length > 1 ? `listener ${name}, filter chain ${index + 1}` : `listener ${name}`;
    return managerOf(where, config, known) ?? [];
  });
}

function managerOf(where: string, config: Json, { named, discovered }: Discovered): Manager | undefined {
  const routes = at(config, 'route_config') ?? named.get(text(config, 'rds', 'route_config_name'));
  const upgrade = list(config, 'upgrade_configs').find(isWebSocket);
  const all = list(routes, 'virtual_hosts').flatMap((host) => routesOf(where, host));
  if (!upgrade && !all.some((route) => list(route.config, 'route', 'upgrade_configs').some(isWebSocket)))
    return undefined;
  const own = list(upgrade, 'filters');
  const filters = (own.length > 0 ? own : list(config, 'http_filters')).map((filter): Filter => {
    const name = text(filter, 'name') ?? '';
    return {
      name,
      config: at(filter, 'typed_config') ?? at(discovered.get(name), 'typed_config'),
      disabled: at(filter, 'disabled') === true,
    };
  });
  return { where, config, filters, upgradesOnly: own.length > 0, routes: all };
}

function isWebSocket(upgrade: Json): boolean {
  return text(upgrade, 'upgrade_type')?.toLowerCase() === 'websocket' && at(upgrade, 'enabled') !== false;
}

function routesOf(manager: string, host: Json): Route[] {
  return list(host, 'routes').map((config, index) => {
    const configs = [at(host, 'typed_per_filter_config'), at(config, 'typed_per_filter_config')];
    const name = text(config, 'name') ?? matchOf(config) ?? `${index + 1} of ${text(host, 'name') ?? 'its host'}`;
    return {
      where: `${manager}, route ${name}`,
      config,
      filterConfigs: new Map(configs.flatMap((found) => (isObject(found) ? Object.entries(found) : []))),
    };
  });
}

function matchOf(route: Json): string | undefined {
  const kinds = ['prefix', 'path', 'path_separated_prefix'] as const;
  return kinds.map((kind) => text(route, 'match', kind)).find((match) => match !== undefined);
}
