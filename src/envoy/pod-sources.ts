/**
 * Which pod a request is for, or which service: the first of the configured sources that names one.
 *
 * A Check and an access log entry show different parts of the same request; both come here as a `Sight` of it.
 */

import { parsePodId, parseServiceId, type ServiceId, type Where } from '../admission/ids.ts';
import type { StickySource } from '../admission/services.ts';
import type { PodSource, ServiceSource } from '../config/pod-sources.ts';
import { headersOf, stickyKey } from './sticky-key.ts';

export interface Sight {
  /** Route metadata, namespace `wsgate`, key `pod`. */
  readonly routePod: string | undefined;
  /** The same, key `service`. */
  readonly routeService: string | undefined;
  /** By key, of the route's `context_extensions`; never in the access log. */
  context(key: string): string | undefined;
  /** Of the route, else dynamic metadata: as far as the message shows it. The access log shows none of a route. */
  metadata(namespace: string, key: string): string | undefined;
  header(name: string): string | undefined;
  /** The name that Envoy's configuration gives the route; never in a Check. */
  readonly routeName: string | undefined;
  readonly path: string | undefined;
  readonly host: string | undefined;
}

/** What of a request names pods. Nothing else of its maps is decoded. */
export interface LookedAt {
  readonly headers: readonly string[];
  readonly metadata: readonly { readonly namespace: string; readonly key: string }[];
  readonly context: readonly string[];
}

/** What is known of services, beside what names them. */
export interface KnownServices {
  has(service: ServiceId): boolean;
  sticky(service: ServiceId): StickySource | undefined;
  stickySources(): StickySource[];
}

interface Source {
  readonly name: string;
  readonly names: 'pod' | 'service';
  read(sight: Sight): string | undefined;
}

export class PodSources {
  /** Whether the metadata of the route is one of the sources. */
  readonly readsRoute: boolean;
  /** Whether it is the first of them: what it names is the pod, whatever the others show. */
  readonly routeFirst: boolean;
  readonly #sources: readonly Source[];

  readonly #services: KnownServices;
  readonly #named: LookedAt;

  constructor(sources: readonly PodSource[], services: KnownServices) {
    this.#services = services;
    const objects = sources
      .filter((source) => typeof source === 'object')
      .map((source) => ('service' in source ? source.service : source));
    this.#named = {
      headers: objects.flatMap((source) => ('header' in source ? [source.header] : [])),
      metadata: objects.flatMap((source) => ('metadata' in source ? [source.metadata] : [])),
      context: objects.flatMap((source) => ('context' in source ? [source.context] : [])),
    };
    this.readsRoute = sources.includes('route');
    this.routeFirst = sources[0] === 'route';
    this.#sources = sources.flatMap(sourcesIn);
  }

  /** What names pods, and what holds the keys by which upgrades stick to them, as of now. */
  get looksAt(): LookedAt {
    const { headers, metadata, context } = this.#named;
    const sticky = this.#services.stickySources();
    return {
      headers: [...headers, ...sticky.flatMap(headersOf)],
      metadata: [...metadata, ...sticky.flatMap((source) => ('metadata' in source ? source.metadata : []))],
      context,
    };
  }

  /** By which the upgrade sticks to a pod of the service; undefined where nothing shows it. */
  keyOf(service: ServiceId, sight: Sight): string | undefined {
    const source = this.#services.sticky(service);
    return source && stickyKey(source, sight);
  }

  /** When a source names something that is no pod id, or no service, no further source is asked: it might name the wrong one. */
  whereOf(sight: Sight): Where | undefined {
    for (const source of this.#sources) {
      const text = source.read(sight);
      if (text !== undefined) return this.#whereNamed(source, text);
    }
    return undefined;
  }

  #whereNamed({ names }: Source, text: string): Where | undefined {
    if (names === 'pod') return parsePodId(text);
    const service = parseServiceId(text);
    return service && this.#services.has(service) ? service : undefined;
  }

  /** What each source showed, for the log of a request whose pod could not be told. */
  explain(sight: Sight): string[] {
    // That a route names no service is worth no word: most have none.
    const shown = this.#sources.filter(({ names, read }) => names === 'pod' || read(sight) !== undefined);
    return shown.map((source) => {
      const text = source.read(sight);
      if (text === undefined) return `${source.name}: nothing`;
      const shown = JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
      return `${source.name}: ${shown}${this.#whereNamed(source, text) ? '' : WRONG[source.names]}`;
    });
  }
}

const WRONG = {
  pod: ' is no pod id, which is 1 to 253 of A-Z a-z 0-9 . _ : -',
  service: ' is none of the services of the configuration (services)',
};

/** Both are needed. A Check does not tell which of them is missing; the log of the denial may (`doors/log-signs.ts`). */
const ROUTE =
  'route metadata wsgate.pod (metadata on the route, and route_metadata_context_namespaces: [wsgate] in the filter)';

const CONTEXT = ' (ext_authz only; at the hold door, pods.from: [{metadata: …}])';

const ROUTE_NAME = "the route's name (xds.route_name in the hold door's request_attributes)";

/** The namespaces are the same, and `ROUTE` tells of them. */
const ROUTE_SERVICE = 'route metadata wsgate.service';

const PATH = 'path (if %-encoding, double slashes or dot segments may make it another one, it names no pod)';

function sourcesIn(source: PodSource): Source[] {
  if (source === 'route') {
    const service: Source = { names: 'service', name: ROUTE_SERVICE, read: ({ routeService }) => routeService };
    return [{ names: 'pod', name: ROUTE, read: ({ routePod }) => routePod }, service];
  }
  if (source === 'context') return [compile({ context: 'pod' }, 'pod'), compile({ context: 'service' }, 'service')];
  return ['service' in source ? compile(source.service, 'service') : compile(source, 'pod')];
}

function compile(source: ServiceSource, names: Source['names']): Source {
  if ('context' in source)
    return {
      names,
      name: `context_extensions.${source.context}${CONTEXT}`,
      read: (sight) => sight.context(source.context),
    };
  if ('metadata' in source) {
    const { namespace, key } = source.metadata;
    return { names, name: `metadata ${namespace} ${key}`, read: (sight) => sight.metadata(namespace, key) };
  }
  if ('header' in source)
    return { names, name: `header ${source.header}`, read: (sight) => sight.header(source.header)?.trim() };
  if ('fixed' in source) return { names, name: 'fixed', read: () => source.fixed };
  if ('routeName' in source) {
    const template = segmentTemplate(source.routeName);
    return { names, name: ROUTE_NAME, read: ({ routeName = '' }) => template.exec(routeName)?.[1] };
  }
  if ('path' in source) {
    const [asShown, asRead] = [segmentTemplate(source.path), segmentTemplate(otherReading(source.path))];
    return { names, name: PATH, read: ({ path = '' }) => nameInPath(withoutQuery(path), asShown, asRead) };
  }
  const [before, after] = around(source.host);
  const template = new RegExp(`^${before}([^.:]+)${after}\\.?(?::\\d*)?$`, 'i');
  // Hosts have no case: each spelling is the same pod.
  return { names, name: 'host', read: ({ host = '' }) => template.exec(host)?.[1]?.toLowerCase() };
}

/** Of a path, or of what is written like one: `{pod}` is one segment, and more may follow. */
function segmentTemplate(path: string): RegExp {
  const [before, after] = around(path.replace(/\/$/, ''));
  return new RegExp(`^${before}([^/]+)${after}(?:/|$)`);
}

/** One segment, `.` or `..`, with or without parameters. */
const DOT_SEGMENT = /\/\.{1,2}(?:;[^/]*)?(?:\/|$)/;

/**
 * Envoy shows the path by which it has chosen the route. Who stands behind may read it otherwise, and follow `..`. Where
 * the two may differ in the pod, or the service, the path names none: it is given back whole, which is the name of neither.
 */
function nameInPath(path: string, asShown: RegExp, asRead: RegExp): string | undefined {
  const pod = asShown.exec(path)?.[1];
  const read = otherReading(path);
  return asRead.exec(read)?.[1] === pod && !DOT_SEGMENT.test(read) ? pod : path;
}

/** With what may count as the same taken for the same: `%70` and `p`, `\` and `/`, `//` and `/`. */
function otherReading(path: string): string {
  return path
    .replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/[\\/]+/g, '/');
}

/** The parts of a template before and after `{pod}` or `{service}`, as regular expressions that match just them. */
function around(template: string): string[] {
  return template.split(/\{(?:pod|service)\}/).map((part) => RegExp.escape(part));
}

export function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}
