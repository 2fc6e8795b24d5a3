/**
 * What EndpointSlices say: which pods take new connections, and where. All of them, or why they cannot be used.
 *
 * A pod that is not ready or terminates takes none. Every slice that has pods has to have the port.
 */

import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node';
import { parseEndpoint } from '../admission/ids.ts';
import type { Endpoint } from '../admission/services.ts';
import { isZone, type KubernetesConfig } from '../config/services.ts';

/** `port`: of the configuration. A text says why they cannot be used. */
export function endpointsIn(slices: readonly V1EndpointSlice[], port: KubernetesConfig['port']): Endpoint[] | string {
  // Of a Service with both families, each pod stands in a slice of each: it is one pod all the same.
  const family = slices.some(({ addressType }) => addressType === 'IPv4') ? 'IPv4' : 'IPv6';
  const found = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== family || !slice.endpoints?.length) continue;
    const number = portOf(slice, port);
    if (typeof number === 'string') return `the EndpointSlice ${slice.metadata?.name} has ${number}`;
    for (const each of slice.endpoints.filter(takesNew)) {
      const [host = ''] = each.addresses;
      const address = parseEndpoint(family === 'IPv6' ? `[${host}]:${number}` : `${host}:${number}`);
      if (address) found.set(address, { address, ...aboutPod(each) }); // it may be in two slices while it moves
    }
  }
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** What is not said counts as ready, and as not terminating. */
function takesNew({ conditions }: V1Endpoint): boolean {
  return conditions?.ready !== false && conditions?.terminating !== true;
}

function aboutPod({ zone, targetRef }: V1Endpoint): Omit<Endpoint, 'address'> {
  const { kind, name, uid } = targetRef ?? {};
  return {
    ...(zone !== undefined && isZone(zone) ? { zone } : {}),
    ...(kind === 'Pod' && name !== undefined ? { name } : {}),
    ...(uid === undefined ? {} : { uid }),
  };
}

/** A text says what it has instead. */
function portOf({ ports = [] }: V1EndpointSlice, wanted: KubernetesConfig['port']): number | string {
  if (ports.length === 0 && typeof wanted === 'number') return wanted; // it stands for all ports
  const fitting =
    wanted === undefined
      ? ports
      : ports.filter(({ name, port }) => (typeof wanted === 'number' ? port === wanted : name === wanted));
  const [first] = fitting;
  if (fitting.length === 1 && first?.port !== undefined) return first.port;
  const has = ports.map(({ name, port }) => (name ? `${name} (${port})` : String(port))).join(', ') || 'none';
  return `the ports: ${has}. Expected: ${wanted === undefined ? 'a single one, or port in the configuration' : `the port ${wanted}`}`;
}
