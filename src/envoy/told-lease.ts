/** The lease that a gate's answer gave a stream, as Envoy's metadata of that stream shows it. */

import { type LeaseId, type PodId, parseLeaseId, parsePodId, startOf } from '../admission/ids.ts';
import type { Metadata } from './messages.ts';
import { stringField } from './struct.ts';

/** The namespace into which Envoy puts what ext_authz filters answer. All filters of a chain share it. */
export const EXT_AUTHZ = 'envoy.filters.http.ext_authz';

/** Keys there that no other filter's answer has. */
export const OWN_KEYS = { lease: 'wsgate.lease', pod: 'wsgate.pod' } as const;

/** The key of an answer to a Check that showed no `upgrade` header. A stream that has it is a WebSocket only by mistake. */
export const BLIND = 'wsgate.no-upgrade-header';

/** Where an answer may stand, the surest place first. */
const PLACES = [
  { namespace: EXT_AUTHZ, keys: OWN_KEYS },
  // The hold door's answers.
  { namespace: 'wsgate', keys: { lease: 'lease', pod: 'pod' } },
  // For those who read these keys in Envoy's configuration. Another filter may have overwritten them.
  { namespace: EXT_AUTHZ, keys: { lease: 'lease', pod: 'pod' } },
] as const;

/**
 * `start`: of the stream (`startOf`). A lease of another start was given to another stream, and is not believed. The
 * address is not compared: a Check may show another one than the log does, by the PROXY protocol for instance.
 */
export function toldLease(
  metadata: Metadata | undefined,
  start: string | undefined,
): { readonly pod: PodId; readonly lease: LeaseId } | undefined {
  const namespaces = metadata?.filterMetadata;
  if (!namespaces) return undefined;
  for (const { namespace, keys } of PLACES) {
    const text = stringField(namespaces[namespace], keys.lease);
    const lease = text === undefined ? undefined : parseLeaseId(text);
    if (!lease || startOf(lease) !== start) continue;
    const pod = parsePodId(stringField(namespaces[namespace], keys.pod) ?? '');
    if (pod) return { pod, lease };
  }
  return undefined;
}
