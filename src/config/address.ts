/** Where the gate listens: `host:port` or `unix:/path`. */

import { BlockList, isIPv4, isIPv6 } from 'node:net';

export interface TcpAddress {
  readonly kind: 'tcp';
  /** A name or an IP address; IPv6 without its brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export type Address = TcpAddress | { readonly kind: 'unix'; readonly path: string };

/** The kernel's `sun_path` holds 108 bytes, the last one a NUL. */
export const UNIX_PATH_BYTES_MAX = 107;

const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

export function parseTcpAddress(text: string): TcpAddress | undefined {
  const [, ipv6, name, digits] = HOST_PORT.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits);
  if (host === undefined || port > 65_535) return undefined;
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined;
  return { kind: 'tcp', host, port };
}

export function parseAddress(text: string): Address | undefined {
  if (!text.startsWith('unix:')) return parseTcpAddress(text);
  const path = text.slice('unix:'.length);
  if (!/^\/[^/]/.test(path) || Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) return undefined;
  return { kind: 'unix', path };
}

export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Whether only this machine can reach it. A name other than `localhost` may resolve to anything, so it is not. */
export function isLoopback({ host }: TcpAddress): boolean {
  if (isIPv4(host)) return loopback.check(host, 'ipv4');
  if (isIPv6(host)) return loopback.check(host, 'ipv6');
  return host.toLowerCase() === 'localhost';
}
