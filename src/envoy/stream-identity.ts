/** Envoy's own name for a stream, from the two things that every door shows: when it began, and its direct peer. */

import { type StreamIdentity, startText, streamIdentity } from '../admission/ids.ts';
import type { Address, Timestamp } from './messages.ts';

const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** gRPC initial metadata that the shipped files send: which stream it is, exactly as the access log shows it. */
export const START = 'x-wsgate-start';
export const PEER = 'x-wsgate-peer';

/** What the address of an internal listener begins with, as Envoy writes it. */
const INTERNAL = 'envoy://';
/** What the path of a unix socket gets before it. Clients of such a listener have none. */
const PIPE = 'pipe:';
/** Of an address that peers share, so that there is room for a request's number in an identity. */
const SHARED_LENGTH_MAX = 70;

/**
 * As messages of protobuf, of a Check or an access log entry. Undefined when either is missing. `id`: a number of the
 * request's own. It tells apart streams that began in one microsecond and whose peers share an address (`isShared`). The
 * log does not show it; its entries have the lease.
 */
export function identityOf(
  startTime: Timestamp | undefined,
  address: Address | undefined,
  id?: string,
): StreamIdentity | undefined {
  const peer = addressText(address);
  if (startTime?.seconds === undefined || peer === undefined) return undefined;
  return identity(nanosecondsOf(startTime.seconds, startTime.nanos), peer, id);
}

/** As a call's metadata tells it; undefined when it does not. `id`: as for `identityOf`. */
export function identitySent(
  metadata: { get(key: string): readonly unknown[] },
  id?: string,
): StreamIdentity | undefined {
  const [[start], [peer]] = [metadata.get(START), metadata.get(PEER)];
  return typeof start === 'string' && typeof peer === 'string' ? identityOfTexts(start, peer, id) : undefined;
}

/** When a stream began, as `startOf` has it of its identity. */
export function startIn(startTime: Timestamp | undefined): string | undefined {
  return startTime?.seconds === undefined ? undefined : startText(nanosecondsOf(startTime.seconds, startTime.nanos));
}

/**
 * As texts, of gRPC initial metadata or attributes. `start`: seconds with nine digits after the point
 * (`%START_TIME(%s.%9f)%`), or RFC 3339 (`request.time`). `peer`: `ip:port`, the path of a unix socket, or `envoy://…`. Undefined when
 * either is missing, or is something else.
 */
export function identityOfTexts(
  start: string | undefined,
  peer: string | undefined,
  id?: string,
): StreamIdentity | undefined {
  const startNs = nanoseconds(start ?? '');
  if (startNs === undefined || peer === undefined || peer === '') return undefined;
  const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(peer) ?? [];
  if (port !== undefined) return identity(startNs, `${host}:${port}`, id);
  return identity(startNs, peer.startsWith(INTERNAL) ? peer : `${PIPE}${peer}`, id);
}

function identity(startNs: bigint, peer: string, id: string | undefined): StreamIdentity {
  return streamIdentity(startNs, id && isShared(peer) ? `${peer.slice(0, SHARED_LENGTH_MAX)}-${id}` : peer);
}

/** Peers of an internal listener or of a unix socket, and clients of a forwarded address, which shows no port. */
function isShared(peer: string): boolean {
  return peer.startsWith(INTERNAL) || peer.startsWith(PIPE) || peer.endsWith(':0');
}

function nanosecondsOf(seconds: string, nanos = 0): bigint {
  return BigInt(seconds) * NS_PER_SECOND + BigInt(nanos);
}

function nanoseconds(text: string): bigint | undefined {
  const [, seconds, nanos] = /^(\d{1,12})\.(\d{9})$/.exec(text) ?? [];
  if (seconds !== undefined && nanos !== undefined) return BigInt(seconds) * NS_PER_SECOND + BigInt(nanos);
  const [, toSecond, fraction = ''] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)$/.exec(text) ?? [];
  const ms = toSecond === undefined ? Number.NaN : Date.parse(`${toSecond}Z`);
  return Number.isNaN(ms) ? undefined : BigInt(ms) * NS_PER_MS + BigInt(fraction.padEnd(9, '0'));
}

function addressText(address: Address | undefined): string | undefined {
  if (address?.socketAddress) return `${address.socketAddress.address ?? ''}:${address.socketAddress.portValue ?? 0}`;
  const internal = address?.envoyInternalAddress;
  if (internal) return `${INTERNAL}${internal.serverListenerName ?? ''}/${internal.endpointId ?? ''}`;
  return address?.pipe ? `${PIPE}${address.pipe.path ?? ''}` : undefined;
}
