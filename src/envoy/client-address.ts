/**
 * The client as Envoy trusts it: X-Forwarded-For with its trusted hops, the PROXY protocol. People look at it, and nothing
 * else does: where Envoy trusts everybody, a client may have chosen it.
 */

import { isIP } from 'node:net';
import type { LeaseId } from '../admission/ids.ts';
import type { Address } from './messages.ts';

/** gRPC initial metadata that the shipped files send with Checks, which do not show it otherwise. */
const CLIENT = 'x-wsgate-client';

export interface Endpoint {
  readonly host: string;
  /** 0 where none is known: X-Forwarded-For has none. */
  readonly port: number;
}

const HOST_LENGTH_MAX = 64;

/** As text: `ip:port`, with brackets around IPv6. Undefined for anything else. */
export function endpointOf(text: string | undefined): Endpoint | undefined {
  const [, host, port] = /^\[?([^\]]{2,64}?)\]?:(\d{1,5})$/.exec(text ?? '') ?? [];
  return host === undefined ? undefined : { host, port: Number(port) };
}

export function endpointAt(address: Address | undefined): Endpoint | undefined {
  const socket = address?.socketAddress;
  return socket?.address === undefined ? undefined : { host: socket.address, port: socket.portValue ?? 0 };
}

export function endpointSent(metadata: { get(key: string): readonly unknown[] }): Endpoint | undefined {
  const [text] = metadata.get(CLIENT);
  return typeof text === 'string' ? endpointOf(text) : undefined;
}

/** As it is shown. Undefined where it is the direct peer, which the lease names already. */
export function clientBeside(lease: LeaseId, endpoint: Endpoint | undefined): string | undefined {
  if (!endpoint || lease.endsWith(`-${endpoint.host}:${endpoint.port}`)) return undefined;
  const { host, port } = endpoint;
  const version = host.length > HOST_LENGTH_MAX ? 0 : isIP(host);
  if (version === 0) return undefined;
  if (port === 0) return host;
  return version === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
