/** The lease that a gate's answer gave a stream, as Envoy's metadata of that stream shows it. */

import { type LeaseId, type PodId, parseLeaseId, parsePodId, startOf } from '../admission/ids.ts';
import type { Metadata } from './messages.ts';
import { stringField } from './struct.ts';

/** The namespace into which Envoy puts what ext_authz filters answer. All filters of a chain share it. */
export const EXT_AUTHZ = 'envoy.filters.http.ext_authz';

/** That of the hold door's answers. */
const HOLD = 'wsgate';

/** Keys there that no other filter's answer has. */
export const OWN_KEYS = {
  lease: 'wsgate.lease',
  pod: 'wsgate.pod',
  notByRoute: 'wsgate.not-by-route',
  others: 'wsgate.others',
} as const;

/** The same in the namespace of the hold door. */
export const HOLD_KEYS = { lease: 'lease', pod: 'pod', notByRoute: 'not-by-route', others: 'others' } as const;

/** The key of an answer to a Check that showed no `upgrade` header. A stream that has it is a WebSocket only by mistake. */
export const BLIND = 'wsgate.no-upgrade-header';

/** Where an answer may stand, the surest place first. */
const PLACES = [
  { namespace: EXT_AUTHZ, keys: OWN_KEYS },
  { namespace: HOLD, keys: HOLD_KEYS },
  // For those who read these keys in Envoy's configuration. Another filter may have overwritten them.
  { namespace: EXT_AUTHZ, keys: { lease: 'lease', pod: 'pod', notByRoute: undefined, others: undefined } },
] as const;

export interface ToldLease {
  readonly pod: PodId;
  readonly lease: LeaseId;
  /** Whether the hold door gave it; else ext_authz did. */
  readonly byHold: boolean;
  /** Whether the metadata of the route named the pod, when the gate was asked. */
  readonly byRoute: boolean;
  /** Further pods that Envoy may try, in this order. */
  readonly others: readonly PodId[];
}

/**
 * `start`: of the stream (`startOf`). A lease of another start was given to another stream, and is not believed. The
 * address is not compared: a Check may show another one than the log does, by the PROXY protocol for instance.
 */
export function toldLease(metadata: Metadata | undefined, start: string | undefined): ToldLease | undefined {
  const namespaces = metadata?.filterMetadata;
  if (!namespaces) return undefined;
  for (const { namespace, keys } of PLACES) {
    const text = stringField(namespaces[namespace], keys.lease);
    const lease = text === undefined ? undefined : parseLeaseId(text);
    if (!lease || startOf(lease) !== start) continue;
    const pod = parsePodId(stringField(namespaces[namespace], keys.pod) ?? '');
    const byRoute = keys.notByRoute !== undefined && stringField(namespaces[namespace], keys.notByRoute) === undefined;
    const others = keys.others === undefined ? undefined : stringField(namespaces[namespace], keys.others);
    if (pod) return { pod, lease, byRoute, byHold: namespace === HOLD, others: othersIn(others) };
  }
  return undefined;
}

function othersIn(text: string | undefined): readonly PodId[] {
  return text === undefined ? [] : text.split(',').flatMap((pod) => parsePodId(pod) ?? []);
}
