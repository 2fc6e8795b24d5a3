/**
 * The configuration: every key, what it may be, and its default, in the notation of the YAML file.
 * `wsgate.example.yaml` says why one would change each.
 *
 * In a parsed `Config` each value has the path that it has in the file, and is ready for use: a duration is a number of
 * milliseconds, a size a number of bytes, an address or URL is taken apart. A key without a default is absent when not
 * set.
 */

import { z } from 'zod';
import { parseProxyId } from '../admission/ids.ts';
import type { OutagePolicy } from '../admission/outage.ts';
import { formatAddress, isLoopback, parseAddress, parseTcpAddress } from './address.ts';
import { type DurationMs, duration, filePath, flag, notation, oneOf, size, text, whole } from './notations.ts';
import { fixedServices, podSource } from './pod-sources.ts';
import { proxySource } from './proxy-sources.ts';
import { connections, services } from './services.ts';
import { formatStoreUrl, maskStoreUrl, parseStoreUrl } from './store-url.ts';
import { token } from './tokens.ts';

/** How to show the text of a key that holds something secret. Registered for the key's schema, defaults included. */
export const masks = z.registry<{ mask: (text: string) => string }>();

const GLOB = /^[A-Za-z0-9._:*?[\]{}!,-]{1,253}$/;

const KEEPALIVE_MS_MAX = 30_000;
const KEEPALIVE_TIMEOUT_MS_MAX = 10_000;
const ORIGIN = 'an origin as browsers send it, such as https://status.example.com';
const count = (byDefault: number, max = 1_000_000) => whole(1, max).prefault(byDefault);

const schema = z.strictObject({
  listen: section({
    grpc: notation('host:port, such as 127.0.0.1:7070, or unix:/path', parseAddress, formatAddress).prefault(
      '127.0.0.1:7070',
    ),
    http: notation('host:port, such as 127.0.0.1:7071', parseTcpAddress, formatAddress).prefault('127.0.0.1:7071'),
    tls: z.strictObject({ cert: filePath, key: filePath, ca: filePath.exactOptional() }).exactOptional(),
    insecure: flag(false),
    checkServer: oneOf(['http2', 'grpc-js']).prefault('http2'),
    messageBytesMax: size(2 ** 10, 2 ** 26).prefault('1MiB'),
    streamsMax: count(1_000),
    connectionsMax: count(10_000),
    connectionsPerAddressMax: count(1_000),
    callsMax: count(50_000, 10_000_000),
    callsPerAddressMax: count(20_000, 10_000_000),
    logStreamsMax: count(10_000),
    heldStreamsMax: count(100_000, 10_000_000),
    heldStreamsPerAddressMax: count(50_000, 10_000_000),
    streamResetBurst: count(20_000, 10_000_000),
    streamResetRate: count(10_000, 10_000_000),
    unfinishedBytesMax: size(2 ** 16, 2 ** 40).prefault('256MiB'),
    unfinishedBytesPerAddressMax: size(2 ** 16, 2 ** 40).prefault('64MiB'),
    // HTTP/2 begins with windows of 65,535 bytes; 2^31 - 1 is its largest.
    flowControlWindow: size(2 ** 16, 2 ** 30).prefault('64MiB'),
    keepalive: duration().exactOptional(),
    keepaliveTimeout: duration().exactOptional(),
  }),
  proxy: section({
    id: notation('a proxy id: letters, digits, . _ : ~ / @ = + -, at most 253', parseProxyId, String).exactOptional(),
    from: z.array(proxySource, 'a list of sources').min(1, 'at least one source').exactOptional(),
    fromCertificate: flag(false),
    upgradesOnly: flag(false),
  }),
  store: section({
    url: notation(
      'redis://[user:password@]host[:port][/database], redis+cluster://…host[:port],…, ' +
        'redis+sentinel://…host[:port],…/master[/database], the same with rediss, ' +
        'or unix://[user:password@]/path[?db=n]',
      parseStoreUrl,
      formatStoreUrl,
    )
      .exactOptional()
      .register(masks, { mask: maskStoreUrl }),
    file: filePath.exactOptional(),
    // No braces: they would change the hash tag that keeps a pod's keys on one node of a Redis Cluster.
    prefix: text('letters, digits, . _ : -, from 1 to 64', /^[A-Za-z0-9._:-]{1,64}$/).prefault('ws:'),
    deadline: duration({ maxMs: 10_000 }).prefault('100ms'),
    info: flag(true),
    tls: z
      .strictObject({
        ca: filePath.exactOptional(),
        cert: filePath.exactOptional(),
        key: filePath.exactOptional(),
      })
      .exactOptional(),
    sentinel: z
      .strictObject({
        username: text('text', /^./s).exactOptional(),
        password: text('text', /^./s)
          .exactOptional()
          .register(masks, { mask: () => '***' }),
      })
      .exactOptional(),
  }),
  pods: section({
    from: z.array(podSource, 'a list of sources').min(1, 'at least one source').prefault(['route', 'context']),
  }),
  services: services.prefault({}),
  limits: section({
    podsMax: count(10_000),
    proxiesMax: count(10_000),
    default: section({ connections: connections.prefault(100) }),
    pods: z
      .record(
        z.string().refine(isPodNameOrGlob, 'a pod id or a glob: letters, digits, . _ : - * ? ! , and paired [ ] { }'),
        z.strictObject({ connections }),
      )
      .prefault({}),
  }),
  lease: section({
    reserve: duration().exactOptional(),
    recovery: duration({ minMs: 0 }).exactOptional(),
    ttl: duration().prefault('60s'),
    grace: duration().prefault('5m'),
    unrenewedMax: duration().prefault('24h'),
  }),
  outage: section({
    policy: oneOf(['share', 'deny', 'allow'] as const satisfies OutagePolicy[]).prefault('share'),
  }),
  deny: section({
    status: whole(400, 599).prefault(429),
    // Retry-After counts in seconds (RFC 9110, 10.2.3).
    retryAfter: duration({ minMs: 1_000, stepMs: 1_000 }).prefault('5s'),
  }),
  http: section({
    tokens: z
      .array(token, 'a list of tokens')
      .prefault([])
      .register(masks, { mask: () => '***' }),
    origins: z
      .array(
        z.string(ORIGIN).refine((text) => URL.parse(text)?.origin === text, ORIGIN),
        'a list of origins',
      )
      .prefault([]),
    connectionsMax: count(10_000),
    connectionsPerAddressMax: count(1_000),
    headerBytesMax: size(2 ** 10, 2 ** 20).prefault('16KiB'),
    bodyBytesMax: size(2 ** 10, 2 ** 26).prefault('2MiB'),
    requestTimeout: duration({ maxMs: 600_000 }).prefault('10s'),
    open: z.array(oneOf(['metrics', 'health']), 'a list of: metrics, health').prefault(['metrics', 'health']),
  }),
  hub: section({
    enabled: flag(true),
    clientsMax: count(10_000),
    clientsPerAddressMax: count(1_000),
    subscriptionsMax: count(100, 10_000),
    messagesPerSecondMax: count(50, 10_000),
    queueMax: count(1_000, 100_000),
    whenFull: oneOf(['drop', 'close']).prefault('drop'),
    ping: duration().prefault('30s'),
    sessionTimeout: duration().prefault('5m'),
    cleanup: duration().prefault('1m'),
    ticket: duration().prefault('30s'),
    historyMax: whole(100, 100_000).prefault(10_000),
    oneByOneMax: whole(0, 10_000).prefault(100),
    fillingPercent: count(80, 100),
    metrics: section({ every: duration().prefault('5s'), ttl: duration().prefault('30s') }),
    console: section({
      every: duration().prefault('2s'),
      ping: duration().prefault('54s'),
      pong: duration().prefault('60s'),
      queueMax: count(256, 100_000),
      messageBytesMax: size(2 ** 10, 2 ** 26).prefault('512KiB'),
    }),
  }),
  stop: section({ deadline: duration().prefault('10s') }),
  ledger: section({
    leasesMax: count(1_000_000, 100_000_000),
    releasesMax: count(100_000, 10_000_000),
  }),
  log: section({
    level: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).prefault('info'),
    format: oneOf(['auto', 'json', 'pretty']).prefault('auto'),
    levels: oneOf(['numbers', 'names']).prefault('numbers'),
    timestamps: oneOf(['epoch', 'iso']).prefault('epoch'),
  }),
});

export type Config = z.output<typeof schema>;

// Keys whose default depends on another key: what they come to.

/** As long as a renewal: whoever has not told of a connection by then never will. */
export function reserveOf({ lease }: Pick<Config, 'lease'>): DurationMs {
  return lease.reserve ?? lease.ttl;
}

/** A flush interval and the time to connect again: a ttl is two and a half flush intervals at least. */
export function recoveryOf({ lease }: Pick<Config, 'lease'>): DurationMs {
  return lease.recovery ?? Math.ceil(lease.ttl / 2);
}

/** Together less than a ttl: an Envoy that is cut off is noticed before its leases expire. */
export function keepaliveOf({ listen, lease }: Pick<Config, 'listen' | 'lease'>) {
  return {
    everyMs: listen.keepalive ?? Math.min(KEEPALIVE_MS_MAX, Math.floor(lease.ttl / 2)),
    timeoutMs: listen.keepaliveTimeout ?? Math.min(KEEPALIVE_TIMEOUT_MS_MAX, Math.floor(lease.ttl / 4)),
  };
}

/** What must hold between keys: the keys, what is expected, and whether it is so. A mistake is told of the first key. */
type Rule = readonly [keys: readonly [string, ...string[]], expected: string, holds: (config: Config) => boolean];

const rules: readonly Rule[] = [
  [['lease.ttl', 'lease.reserve'], 'at least lease.reserve', ({ lease }) => lease.ttl >= reserveOf({ lease })],
  [['lease.grace', 'lease.ttl'], 'longer than lease.ttl', ({ lease }) => lease.grace > lease.ttl],
  [['lease.unrenewedMax', 'lease.grace'], 'longer than lease.grace', ({ lease }) => lease.unrenewedMax > lease.grace],
  [
    ['store.deadline', 'lease.reserve', 'lease.ttl'],
    'shorter than lease.reserve: a slot must outlive the call that takes it',
    ({ store, lease }) => store.deadline < reserveOf({ lease }),
  ],
  [
    ['listen.keepalive', 'listen.keepaliveTimeout', 'lease.ttl'],
    'shorter than lease.ttl, together with listen.keepaliveTimeout: an Envoy that is cut off is not one that talks',
    ({ listen, lease }) => {
      const { everyMs, timeoutMs } = keepaliveOf({ listen, lease });
      return everyMs + timeoutMs < lease.ttl;
    },
  ],
  [
    ['store.file', 'store.url'],
    'no such key beside store.url: the leases live in that Redis, and outlive the gate there',
    ({ store }) => store.file === undefined || store.url === undefined,
  ],
  [
    ['store.tls', 'store.url'],
    'no such key unless store.url asks for TLS: rediss://, rediss+cluster://, rediss+sentinel://',
    ({ store }) => store.tls === undefined || (store.url !== undefined && 'tls' in store.url && store.url.tls),
  ],
  [
    ['store.tls.cert', 'store.tls.key'],
    'both store.tls.cert and store.tls.key, or neither',
    ({ store }) => (store.tls?.cert === undefined) === (store.tls?.key === undefined),
  ],
  [
    ['store.sentinel', 'store.url'],
    'no such key unless store.url names Sentinels: redis+sentinel://, rediss+sentinel://',
    ({ store }) => store.sentinel === undefined || store.url?.kind === 'sentinel',
  ],
  [
    ['listen.grpc', 'listen.tls.ca', 'listen.insecure'],
    'an address on loopback or a unix socket, or listen.tls with ca, or listen.insecure: true',
    ({ listen: { grpc, tls, insecure } }) =>
      grpc.kind === 'unix' || isLoopback(grpc) || tls?.ca !== undefined || insecure,
  ],
  [
    ['proxy.fromCertificate', 'listen.tls.ca'],
    'false, unless listen.tls.ca asks for certificates',
    ({ listen, proxy }) => !proxy.fromCertificate || listen.tls?.ca !== undefined,
  ],
  [
    ['proxy.from', 'listen.tls.ca'],
    'no certificate, unless listen.tls.ca asks for certificates',
    ({ listen, proxy }) => !proxy.from?.includes('certificate') || listen.tls?.ca !== undefined,
  ],
  [
    ['proxy.from', 'proxy.fromCertificate'],
    'no such key beside proxy.fromCertificate, by which the common name alone counts',
    ({ proxy }) => proxy.from === undefined || !proxy.fromCertificate,
  ],
  [
    ['listen.http', 'listen.grpc'],
    'another address than listen.grpc',
    ({ listen: { grpc, http } }) =>
      grpc.kind === 'unix' || grpc.port === 0 || grpc.port !== http.port || grpc.host !== http.host,
  ],
  [
    ['pods.from', 'services'],
    'of {service: {fixed: NAME}}, the name of one of the services',
    ({ pods, services }) => fixedServices(pods.from).every((service) => Object.hasOwn(services, service)),
  ],
  [
    ['services', 'limits.podsMax'],
    'no more endpoints, all services together, than limits.podsMax',
    ({ services, limits }) =>
      Object.values(services).reduce((sum, { endpoints }) => sum + (endpoints.static?.length ?? 0), 0) <=
      limits.podsMax,
  ],
  [
    ['services', 'limits.default.connections'],
    'each softLimit less than limits.default.connections, where the service has no connections of its own',
    ({ services, limits }) =>
      Object.values(services).every(
        ({ softLimit = 0, connections = limits.default.connections }) => softLimit === 0 || softLimit < connections,
      ),
  ],
  [
    ['listen.streamResetBurst', 'listen.streamResetRate'],
    'at least listen.streamResetRate: what is added each second has to fit',
    ({ listen }) => listen.streamResetBurst >= listen.streamResetRate,
  ],
  [
    ['listen.unfinishedBytesPerAddressMax', 'listen.messageBytesMax'],
    'at least listen.messageBytesMax',
    ({ listen }) => listen.unfinishedBytesPerAddressMax >= listen.messageBytesMax,
  ],
  [
    ['listen.unfinishedBytesMax', 'listen.unfinishedBytesPerAddressMax'],
    'at least listen.unfinishedBytesPerAddressMax',
    ({ listen }) => listen.unfinishedBytesMax >= listen.unfinishedBytesPerAddressMax,
  ],
  [
    ['hub.sessionTimeout', 'hub.ping'],
    'longer than hub.ping, which clients answer',
    ({ hub }) => hub.sessionTimeout > hub.ping,
  ],
  [
    ['hub.console.pong', 'hub.console.ping'],
    'longer than hub.console.ping, which clients answer',
    ({ hub }) => hub.console.pong > hub.console.ping,
  ],
  [
    ['http.tokens'],
    'names that differ: who did what is told by them',
    ({ http }) => {
      const names = http.tokens.flatMap((one) => (typeof one === 'string' ? [] : [one.name]));
      return new Set(names).size === names.length;
    },
  ],
  [
    ['http.tokens', 'listen.http'],
    'at least one token, because listen.http is not on loopback',
    ({ http, listen }) => http.tokens.length > 0 || isLoopback(listen.http),
  ],
];

/** A rule is checked whenever its own keys are sound, even if others are wrong: all mistakes are told at once. */
export const configSchema = rules.reduce(
  (before, [keys, expected, holds]) =>
    before.refine(holds, {
      path: keys[0].split('.'),
      error: expected,
      params: { keys },
      when: ({ issues }) => keys.every((key) => isSound(key.split('.'), issues)),
    }),
  schema,
);

/**
 * The configuration as a file would say it, defaults included. (Not by `configSchema`: its rules need not hold again.)
 */
export function toNotation(config: Config): z.input<typeof schema> {
  return z.encode(schema, config);
}

function isSound(key: readonly string[], issues: readonly z.core.$ZodRawIssue[]): boolean {
  return issues.every(({ code, path = [] }) => {
    const apart = key.some((part, depth) => depth < path.length && path[depth] !== part);
    return apart || code === 'unrecognized_keys';
  });
}

function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape).prefault(() => ({}) as z.input<z.ZodObject<Shape, z.core.$strict>>);
}

/** An unpaired bracket matches only itself, and no pod id contains one: such a limit would never apply. */
function isPodNameOrGlob(name: string): boolean {
  const unpaired = name.replace(/\[[^[\]]+\]/g, '').replace(/\{[^{}]+\}/g, '');
  return GLOB.test(name) && !/[[\]{}]/.test(unpaired);
}
