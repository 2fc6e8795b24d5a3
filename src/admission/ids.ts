/**
 * The names of things, as types: a string becomes one of these only through its parser, at the edge.
 */

import { isIP } from 'node:net';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/**
 * A backend instance that a limit protects: `[A-Za-z0-9._:-]{1,253}`. One of a service is `<service>/<endpoint>`, such as
 * `chat/10.0.0.1:8080`: it tells its service and its address by itself.
 */
export type PodId = Branded<'PodId'>;

/** A set of pods among which a gate may choose: its name with a `/`, with which the ids of its pods begin. */
export type ServiceId = Branded<'ServiceId'>;

/** Where a lease is: at a pod, or at one of a service while it is not known at which. */
export type Where = PodId | ServiceId;

/** One Envoy process: `[A-Za-z0-9._:~/@=+-]{1,253}`, which is what the ids of control planes and SPIFFE are made of. */
export type ProxyId = Branded<'ProxyId'>;

/** One slot of one pod, held by one connection: `<proxy>_<stream identity>`. */
export type LeaseId = Branded<'LeaseId'>;

/** One stream of one proxy, as Envoy itself knows it: `<start, ns, base 36>-<direct peer address>`. Never holds a `_`. */
export type StreamIdentity = Branded<'StreamIdentity'>;

const POD = /^[A-Za-z0-9._:-]{1,253}$/;
const SERVICE = /^[A-Za-z0-9._-]{1,63}$/;
const POD_OF_SERVICE = /^([A-Za-z0-9._-]{1,63}\/)(.*)$/s;
const ENDPOINT = /^(?:(\d{1,3}(?:\.\d{1,3}){3})|\[([0-9A-Fa-f:.]{2,45})\]):(\d{1,5})$/;
const PROXY = /^[A-Za-z0-9._:~/@=+-]{1,253}$/;
const LEASE = /^[A-Za-z0-9._:~/@=+-]{1,253}_[A-Za-z0-9.:-]{1,128}$/;

export function parsePodId(text: string): PodId | undefined {
  if (POD.test(text)) return text as PodId;
  const [, , endpoint = ''] = POD_OF_SERVICE.exec(text) ?? [];
  return parseEndpoint(endpoint) === endpoint ? (text as PodId) : undefined;
}

/** From the service's name. */
export function parseServiceId(name: string): ServiceId | undefined {
  return SERVICE.test(name) ? (`${name}/` as ServiceId) : undefined;
}

/** `ip:port` or `[ip]:port`, in the one spelling that Envoy has for it, too. */
export function parseEndpoint(text: string): string | undefined {
  const [, v4, v6, port] = ENDPOINT.exec(text) ?? [];
  if (!(Number(port) > 0 && Number(port) < 65_536) || !isIP(v4 ?? v6 ?? '')) return undefined;
  const host = v4 ?? URL.parse(`http://[${v6}]`)?.hostname;
  return host && `${host}:${Number(port)}`;
}

/** The pod of a service at an endpoint, as `parseEndpoint` gives it. */
export function podOf(service: ServiceId, endpoint: string): PodId {
  return `${service}${endpoint}` as PodId;
}

/** Undefined for a pod that belongs to no service. */
export function serviceOf(where: Where): ServiceId | undefined {
  const name = where.slice(0, where.indexOf('/') + 1);
  return name === '' ? undefined : (name as ServiceId);
}

/** Whether both pods are of a service, and of the same. */
export function areOfOneService(one: PodId, other: PodId): boolean {
  const service = serviceOf(one);
  return service !== undefined && service === serviceOf(other);
}

/** Of a pod of a service: its address. */
export function endpointOf(pod: PodId): string | undefined {
  return serviceOf(pod) && pod.slice(pod.indexOf('/') + 1);
}

export function isPod(where: Where): where is PodId {
  return !where.endsWith('/');
}

export function parseProxyId(text: string): ProxyId | undefined {
  return PROXY.test(text) ? (text as ProxyId) : undefined;
}

export function parseLeaseId(text: string): LeaseId | undefined {
  return LEASE.test(text) ? (text as LeaseId) : undefined;
}

/**
 * Names the stream that began at `startNs` (nanoseconds since the epoch) and came from `address` (`ip:port`, of the
 * direct peer, not of a forwarded header). Check and access log carry both, and no client can set either.
 */
export function streamIdentity(startNs: bigint, address: string): StreamIdentity {
  return `${startText(startNs)}-${address.replace(/[^A-Za-z0-9.:-]/g, '-').slice(0, 100)}` as StreamIdentity;
}

/** When a stream began, as it stands in its identity. */
export function startText(startNs: bigint): string {
  return startNs.toString(36);
}

export function leaseId(proxy: ProxyId, stream: StreamIdentity): LeaseId {
  return `${proxy}_${stream}` as LeaseId;
}

/** The proxy that a lease belongs to: its id up to the last `_`. The Lua scripts cut it the same way. */
export function proxyOf(lease: LeaseId): ProxyId {
  return lease.slice(0, lease.lastIndexOf('_')) as ProxyId;
}

/** When the stream began, as `startText`: what a lease has between its last `_` and the `-` after it. */
export function startOf(stream: LeaseId | StreamIdentity): string {
  const [start = ''] = stream.slice(stream.lastIndexOf('_') + 1).split('-', 1);
  return start;
}

/** What a lease id tells of its holder. `sinceMs`: when the stream began, by the proxy's clock; absent in a made-up id. */
export function holderOf(lease: LeaseId): { proxy: ProxyId; sinceMs: number | undefined; address: string } {
  const [start = '', ...address] = lease.slice(lease.lastIndexOf('_') + 1).split('-');
  const sinceMs = Math.floor(Number.parseInt(start, 36) / 1e6);
  return {
    proxy: proxyOf(lease),
    sinceMs: sinceMs > 0 && sinceMs < 8.64e15 ? sinceMs : undefined,
    address: address.join('-'),
  };
}
