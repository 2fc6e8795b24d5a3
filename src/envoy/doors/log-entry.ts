/** One entry of the access log: what it means for the count. */

import { isPod, type PodId, type ProxyId, parseEndpoint, podOf, serviceOf, type Where } from '../../admission/ids.ts';
import type { Sighting } from '../../admission/ledger/entries.ts';
import type { AnyUpgrade } from '../../admission/verdict.ts';
import { clientBeside, endpointAt } from '../client-address.ts';
import type { Address, HttpAccessLogEntry } from '../messages.ts';
import type { PodSources } from '../pod-sources.ts';
import { type Place, placeOf } from '../route-now.ts';
import { identityOf, startIn } from '../stream-identity.ts';
import { type Struct, stringField } from '../struct.ts';
import { BLIND, EXT_AUTHZ, type ToldLease, toldLease } from '../told-lease.ts';
import { type RequestSight, readUpgrade, shownPath } from './request.ts';

/**
 * `unasked`: a WebSocket that opened without a gate's answer. `refusals`: pods that did not let in one that a gate let in.
 * `obeyed`: where it is at another pod than the gate chose, whether the gate has named that one, too.
 */
export type Entry =
  | ({
      readonly kind: 'seen';
      readonly unasked: boolean;
      readonly obeyed: boolean;
      readonly refusals: readonly PodId[];
    } & Sighting)
  | ({
      readonly kind: 'ended';
      readonly unasked: boolean;
      readonly obeyed: boolean;
      readonly refusals: readonly PodId[];
      readonly byHold: boolean;
    } & UsedPlace)
  | { readonly kind: 'ignored' }
  | { readonly kind: 'malformed'; readonly why: string };

/** The pod that a connection is at, or its service where nothing tells the pod. */
interface UsedPlace extends Omit<Place, 'pod'> {
  readonly pod: Where;
}

const IGNORED: Entry = { kind: 'ignored' };
const SWITCHING_PROTOCOLS = 101;
const SERVICE_UNAVAILABLE = 503;

/**
 * An entry of a connection that a gate admitted carries its lease. One that Envoy let through without an answer carries
 * none: it gets the name that a Check would have given it.
 */
export function readEntry(entry: HttpAccessLogEntry, proxy: ProxyId, pods: PodSources): Entry {
  const common = entry.commonProperties;
  const type = common?.accessLogType;
  const ended = type === 'DownstreamEnd';
  if (!ended && type !== 'DownstreamPeriodic' && type !== 'DownstreamTunnelSuccessfullyEstablished') return IGNORED;

  const code = entry.response?.responseCode?.value;
  const told = toldLease(common?.metadata, startIn(common?.startTime));
  if (!told && !mayHoldUntoldLease(entry, ended, code)) return IGNORED;

  const sight = sightOf(entry);
  const reading = told ? { upgrade: placeOf(told, sight.routePod, pods) } : readUpgrade(sight, proxy, pods);
  if ('missing' in reading) return { kind: 'malformed', why: 'a WebSocket whose pod or stream cannot be told' };
  const place = usedPlace(reading.upgrade, common?.upstreamRemoteAddress);
  const unasked = !told && code === SWITCHING_PROTOCOLS && !isHiddenUpgrade(entry);
  const tells = ended ? isRefusal(entry) : type !== 'DownstreamPeriodic';
  const refusals = told && tells ? refusalsIn(entry, told, place) : [];
  const obeyed = told !== undefined && isPod(place.pod) && told.others.includes(place.pod);
  if (ended) return { kind: 'ended', unasked, obeyed, refusals, byHold: told?.byHold === true, ...place };
  const { pod } = place;
  if (!isPod(pod)) return { kind: 'malformed', why: 'a WebSocket of a service whose pod cannot be told' };
  const state = code === SWITCHING_PROTOCOLS ? 'live' : 'reserved';
  const path = shownPath(entry.request?.path);
  const client = clientBeside(place.lease, endpointAt(common?.downstreamRemoteAddress));
  return {
    kind: 'seen',
    unasked,
    obeyed,
    refusals,
    ...place,
    pod,
    path,
    client,
    state,
    periodic: type === 'DownstreamPeriodic',
  };
}

/** Of a pod of a service, the one that the stream went to, whatever pod the gate chose. */
function usedPlace(upgrade: Place | AnyUpgrade, upstream: Address | undefined): UsedPlace {
  const { lease } = upgrade;
  const where = 'service' in upgrade ? upgrade.service : upgrade.pod;
  const service = serviceOf(where);
  const endpoint = service && addressOf(upstream);
  const movedFrom = 'movedFrom' in upgrade ? upgrade.movedFrom : undefined;
  if (!service || !endpoint) return { pod: where, lease, ...(movedFrom === undefined ? {} : { movedFrom }) };
  const used = podOf(service, endpoint);
  return isPod(where) && where !== used ? { pod: used, lease, movedFrom: where } : { pod: used, lease };
}

function addressOf(upstream: Address | undefined): string | undefined {
  const { address = '', portValue = 0 } = upstream?.socketAddress ?? {};
  return parseEndpoint(`${address.includes(':') ? `[${address}]` : address}:${portValue}`);
}

/**
 * Envoy tries the pods that the gate named in their order, and then, if its cluster is not strict, any. As many of those as
 * it tried before the one that it used did not let the WebSocket in; and that one neither, where there is none.
 */
function refusalsIn(entry: HttpAccessLogEntry, { pod, others }: ToldLease, used: UsedPlace): readonly PodId[] {
  if (!isPod(used.pod) || serviceOf(used.pod) === undefined) return [];
  const before = (entry.commonProperties?.upstreamRequestAttemptCount ?? 1) - 1;
  const named = [pod, ...others];
  const at = named.indexOf(used.pod);
  const refused = at < 0 ? named.slice(0, before) : named.slice(Math.max(0, at - before), at);
  return isRefusal(entry) ? [...refused, used.pod] : refused;
}

/** The pod did not let the WebSocket in; nor is it Envoy's own limit that did not. */
function isRefusal({ response }: HttpAccessLogEntry): boolean {
  return response?.responseCode?.value === SERVICE_UNAVAILABLE && !response.responseCodeDetails?.includes('overflow');
}

/** A WebSocket whose Check had no `upgrade` header, and so was not decided. */
export function isHiddenUpgrade(entry: HttpAccessLogEntry): boolean {
  if (entry.response?.responseCode?.value !== SWITCHING_PROTOCOLS) return false;
  return stringField(gateMetadata(entry), BLIND) !== undefined;
}

/** What a gate's answer to the Check put into the stream's metadata. */
export function gateMetadata({ commonProperties }: HttpAccessLogEntry): Struct | undefined {
  return commonProperties?.metadata?.filterMetadata?.[EXT_AUTHZ];
}

/**
 * Without lease metadata: an open WebSocket, or the end of one; or the end of a request whose Check was under way when
 * the client left (no code) or whose answer came too late (`ext_authz_error`): the lease may be there all the same.
 */
function mayHoldUntoldLease(entry: HttpAccessLogEntry, ended: boolean, code: number | undefined): boolean {
  if (code === SWITCHING_PROTOCOLS) return true;
  return ended && (code === undefined || code === 0 || entry.response?.responseCodeDetails === 'ext_authz_error');
}

function sightOf({ commonProperties, request }: HttpAccessLogEntry): RequestSight {
  return {
    stream: identityOf(commonProperties?.startTime, commonProperties?.downstreamDirectRemoteAddress),
    client: endpointAt(commonProperties?.downstreamRemoteAddress),
    routePod: commonProperties?.customTags?.pod,
    routeName: commonProperties?.routeName,
    routeService: commonProperties?.customTags?.service,
    context: () => undefined,
    metadata: (namespace, key) => stringField(commonProperties?.metadata?.filterMetadata?.[namespace], key),
    header: (name) => request?.requestHeaders?.[name],
    // Not the original path: where no route rewrote it, that is whatever the client claims it to be.
    path: request?.path,
    host: request?.authority,
  };
}
