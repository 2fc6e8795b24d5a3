/**
 * One reading of a request, for every door: is it an upgrade, of which proxy, for which pod or service, on which stream. A door
 * says what its message shows of the request (`RequestSight`); what follows from that is decided here only.
 */

import { isPod, leaseId, type ProxyId, type StreamIdentity } from '../../admission/ids.ts';
import type { AnyUpgrade } from '../../admission/verdict.ts';
import { clientBeside, type Endpoint } from '../client-address.ts';
import { type PodSources, type Sight, withoutQuery } from '../pod-sources.ts';

/** The header that makes a request one for a WebSocket, in lower case, as Envoy sends it. */
export const UPGRADE = 'upgrade';

/** People look at paths, nothing else does. Longer ones are cut. */
const PATH_LENGTH_MAX = 256;

/** What a message shows of a request. */
export interface RequestSight extends Sight {
  /** Which stream it is, whatever door shows it. */
  readonly stream: StreamIdentity | undefined;
  /** As Envoy trusts it. */
  readonly client: Endpoint | undefined;
}

/** `byRoute`: whether the metadata of the route names the pod, and not another source. */
export type Reading =
  | { readonly upgrade: AnyUpgrade; readonly byRoute: boolean }
  | { readonly missing: 'stream' | 'proxy' | 'pod' };

/** Of a request that is an upgrade: what it asks for, or the first thing that its sight does not tell. */
export function readUpgrade(sight: RequestSight, proxy: ProxyId | undefined, pods: PodSources): Reading {
  const { stream } = sight;
  if (!stream) return { missing: 'stream' };
  if (!proxy) return { missing: 'proxy' };
  const where = pods.whereOf(sight);
  if (!where) return { missing: 'pod' };
  const lease = leaseId(proxy, stream);
  const byRoute = pods.routeFirst && sight.routePod !== undefined;
  const asked = { lease, path: shownPath(sight.path), client: clientBeside(lease, sight.client) };
  if (isPod(where)) return { upgrade: { ...asked, pod: where }, byRoute };
  return { upgrade: { ...asked, service: where, key: pods.keyOf(where, sight) }, byRoute };
}

/** `header`: the value of the header `UPGRADE`. */
export function isWebSocket(header: string | undefined): boolean {
  return header !== undefined && /(^|[,\s])websocket([,\s]|$)/i.test(header);
}

export function shownPath(path = ''): string {
  return withoutQuery(path).slice(0, PATH_LENGTH_MAX);
}
