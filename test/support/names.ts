/** Pods, proxies and leases for tests. */

import {
  type LeaseId,
  leaseId,
  type PodId,
  type ProxyId,
  parsePodId,
  parseProxyId,
  parseServiceId,
  podOf,
  type ServiceId,
  streamIdentity,
} from '../../src/admission/ids.ts';

export function podId(text: string): PodId {
  const pod = parsePodId(text);
  if (!pod) throw new Error(`no pod id: ${text}`);
  return pod;
}

export function proxyId(text: string): ProxyId {
  const proxy = parseProxyId(text);
  if (!proxy) throw new Error(`no proxy id: ${text}`);
  return proxy;
}

export const pod1 = podId('pod1');
export const pod2 = podId('pod2');
export const proxyA = proxyId('proxy_a');
export const proxyB = proxyId('proxy_b');

export function serviceId(name: string): ServiceId {
  const service = parseServiceId(name);
  if (!service) throw new Error(`no service: ${name}`);
  return service;
}

/** So many pods of a service. */
export function podsOf(service: ServiceId, count: number): PodId[] {
  return Array.from({ length: count }, (_, i) => podOf(service, `10.0.${i >> 8}.${i & 255}:8080`));
}

let streams = 0n;
export function newLease(proxy: ProxyId): LeaseId {
  streams += 1n;
  return leaseId(proxy, streamIdentity(1_763_696_781_000_000_000n + streams, '127.0.0.1:50000'));
}

export function leasesOf(proxy: ProxyId, count: number): LeaseId[] {
  return Array.from({ length: count }, () => newLease(proxy));
}
