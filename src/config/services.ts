/** Services, the sets of pods among which the gate chooses: what one entry of `services` may be. */

import { z } from 'zod';
import { parseEndpoint, parseServiceId } from '../admission/ids.ts';
import type { Endpoint, StickySource } from '../admission/services.ts';
import { duration, filePath, notation, oneOf, text, whole } from './notations.ts';

export const connections = whole(0, 1_000_000);

const ADDRESS = 'an address and port, such as 10.0.0.1:8080 or [2001:db8::1]:8080';
const address = notation(ADDRESS, parseEndpoint, String);
const ZONE = /^[A-Za-z0-9._-]{1,63}$/;
const zone = text('letters, digits, . _ -, at most 63', ZONE);

/** The map first: to write one as it was read, the first that takes it is asked, and the other takes anything. */
const endpoint = z.union(
  [z.strictObject({ address, connections: connections.exactOptional(), zone: zone.exactOptional() }), address],
  `${ADDRESS}, or {address: ADDRESS, connections: NUMBER, zone: NAME}`,
);

/** What a list of the configuration holds, or a file that it names. */
export const endpointList = z
  .array(endpoint, 'a list of addresses')
  .min(1, 'at least one address')
  .superRefine((all, { addIssue }) => {
    const seen = new Set<string>();
    for (const [index, each] of all.entries()) {
      const { address } = endpointOf(each);
      if (seen.has(address)) addIssue({ code: 'custom', path: [index], message: 'each address once' });
      seen.add(address);
    }
  });

export function isZone(text: string): boolean {
  return ZONE.test(text);
}

export function endpointOf(each: z.output<typeof endpoint>): Endpoint {
  return typeof each === 'string' ? { address: each } : each;
}

const HOST = 'a name of the DNS, such as chat.example.com';
const dnsName = text(HOST, /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/);
const SERVER = 'an address, such as 10.0.0.53 or [2001:db8::53], with a port if it is not 53';
const dnsServer = z.string(SERVER).refine((text) => parseEndpoint(text) ?? parseEndpoint(`${text}:53`), SERVER);

const dns = z
  .strictObject({
    name: dnsName.exactOptional(),
    port: whole(1, 65_535).exactOptional(),
    srv: dnsName.exactOptional(),
    servers: z.array(dnsServer, 'a list of addresses').min(1, 'at least one address').exactOptional(),
    everyMin: duration().prefault('5s'),
    everyMax: duration().prefault('30s'),
  })
  .refine(
    ({ name, port, srv }) =>
      (srv === undefined) === (name !== undefined) && (name === undefined) === (port === undefined),
    'either name and port, for addresses, or srv, for SRV records',
  )
  .refine(({ everyMin, everyMax }) => everyMin <= everyMax, { path: ['everyMin'], error: 'at most everyMax' });

const DNS_LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const LABELS = 'a label selector, such as app=chat,tier!=test';
const portName = text('the name of a port', /^[a-z0-9-]{1,63}$/);

const kubernetes = z
  .strictObject({
    service: text(
      'NAMESPACE/NAME of a Service, such as prod/chat',
      new RegExp(`^${DNS_LABEL}/${DNS_LABEL}$`),
    ).exactOptional(),
    namespace: text('the name of a namespace', new RegExp(`^${DNS_LABEL}$`)).exactOptional(),
    selector: text(LABELS, /^[A-Za-z0-9._/=!,() -]{1,1000}$/).exactOptional(),
    port: z.union([whole(1, 65_535), portName], 'the number or the name of a port').exactOptional(),
    kubeconfig: filePath.exactOptional(),
  })
  .refine(
    ({ service, namespace, selector }) =>
      (service === undefined) === (namespace !== undefined) && (namespace === undefined) === (selector === undefined),
    'either service, or namespace and selector',
  );

export type DnsConfig = z.output<typeof dns>;
export type KubernetesConfig = z.output<typeof kubernetes>;

const endpoints = z
  .strictObject({
    static: endpointList.exactOptional(),
    file: filePath.exactOptional(),
    dns: dns.exactOptional(),
    kubernetes: kubernetes.exactOptional(),
  })
  .refine((sources) => Object.keys(sources).length === 1, 'exactly one of the keys: static, file, dns, kubernetes');

export type EndpointsConfig = z.output<typeof endpoints>;

const STICKY = 'header:NAME, cookie:NAME, query:NAME or metadata:NAMESPACE:KEY, such as header:x-user';

const service = z
  .strictObject({
    endpoints,
    connections: connections.exactOptional(),
    pick: oneOf(['least', 'pack', 'spread']).exactOptional(),
    softLimit: whole(1, 1_000_000).exactOptional(),
    fallbacks: whole(0, 5).exactOptional(),
    wait: duration({ minMs: 0, maxMs: 60_000 }).exactOptional(),
    sticky: notation(STICKY, parseSticky, formatSticky).exactOptional(),
  })
  .refine(({ connections, softLimit }) => connections === undefined || !softLimit || softLimit < connections, {
    path: ['softLimit'],
    error: 'less than the connections of the service: above it, pods are filled only when all have reached it',
  })
  .refine(
    ({ endpoints, pick }) =>
      pick !== 'spread' ||
      (!endpoints.dns && (!endpoints.static || endpoints.static.some((each) => endpointOf(each).zone !== undefined))),
    { path: ['pick'], error: 'least or pack, because no endpoint has a zone, such as {address: ADDRESS, zone: NAME}' },
  );

const NAME = "a service's name: letters, digits, . _ -, at most 63";

export const services = z.record(
  z.string().refine((name) => parseServiceId(name) !== undefined, NAME),
  service,
);

/** The characters of an HTTP token, of which names of headers and cookies are made. */
const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}";
/** As in `pods.from`: they have to stand in an attribute of the hold door. */
const METADATA = '[A-Za-z0-9._/-]{1,100}';
const STICKY_FORM = new RegExp(
  `^(?:header:(${TOKEN})|cookie:(${TOKEN})|query:([^\\s&=#:]{1,100})|metadata:(${METADATA}):(${METADATA}))$`,
);

function parseSticky(text: string): StickySource | undefined {
  const [, header, cookie, query, namespace, key] = STICKY_FORM.exec(text) ?? [];
  if (header) return { header: header.toLowerCase() };
  if (cookie) return { cookie };
  if (query) return { query };
  return namespace && key ? { metadata: { namespace, key } } : undefined;
}

function formatSticky(source: StickySource): string {
  if ('header' in source) return `header:${source.header}`;
  if ('cookie' in source) return `cookie:${source.cookie}`;
  if ('query' in source) return `query:${source.query}`;
  return `metadata:${source.metadata.namespace}:${source.metadata.key}`;
}
