/** Which proxy is speaking: the first of the names it gives that is one. */

import type { Metadata } from '@grpc/grpc-js';
import { type ProxyId, parseProxyId } from '../admission/ids.ts';

/** gRPC initial metadata that an Envoy is configured to send with both services. */
export const PROXY_METADATA = 'x-wsgate-proxy';

/**
 * `own`: what the message itself says (`destination.labels.proxy_id` in a Check, `identifier.node.id` in the access
 * log). `configured`: the gate's own `proxy.id`.
 */
export function proxyNameOf(
  metadata: Metadata,
  own: string | undefined,
  configured: ProxyId | undefined,
): ProxyId | undefined {
  const [sent] = metadata.get(PROXY_METADATA);
  for (const name of [sent, own]) {
    // In a Check, Envoy writes `-` for an environment variable that is not set. In the access log it does not fill in
    // `%ENVIRONMENT(…)%` at all, and what it sends then is no name.
    const proxy = typeof name === 'string' && name !== '-' ? parseProxyId(name) : undefined;
    if (proxy) return proxy;
  }
  return configured;
}
