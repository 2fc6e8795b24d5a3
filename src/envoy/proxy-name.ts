/** Which proxy a call comes from. */

import { type ProxyId, parseProxyId } from '../admission/ids.ts';

/** gRPC initial metadata that an Envoy is configured to send with Checks. */
const METADATA = 'x-wsgate-proxy';

export interface ProxyNameOptions {
  /** The name when nothing else tells. */
  readonly id?: ProxyId;
  /** The name is the common name of the client's certificate, and nothing else is believed. */
  readonly fromCertificate: boolean;
}

/** What a call of any door tells of its caller, as grpc-js has it. */
export interface Caller {
  readonly metadata: { get(key: string): readonly unknown[] };
  getAuthContext(): { readonly sslPeerCertificate?: { readonly subject: { readonly CN?: unknown } } | undefined };
}

export class ProxyNames {
  readonly #options: ProxyNameOptions;

  constructor(options: ProxyNameOptions) {
    this.#options = options;
  }

  /** Whether the name is proven, so that no proxy can speak for another. */
  get certified(): boolean {
    return this.#options.fromCertificate;
  }

  /**
   * The first valid name that the call gives. `own`: what the message itself says (`destination.labels.proxy_id` in
   * a Check, `identifier.node.id` in the access log).
   */
  of(caller: Caller, own: string | undefined): ProxyId | undefined {
    if (this.#options.fromCertificate) return parseProxyId(commonName(caller));
    const [sent] = caller.metadata.get(METADATA);
    for (const name of [sent, own]) {
      // In a Check, Envoy writes `-` for an environment variable that is not set. In the access log it does not fill in
      // `%ENVIRONMENT(…)%` at all, and what it sends then is no name.
      const proxy = typeof name === 'string' && name !== '-' ? parseProxyId(name) : undefined;
      if (proxy) return proxy;
    }
    return this.#options.id;
  }

  /** What each place said, for the log of a request whose proxy is unknown. */
  explain(caller: Caller, own: string | undefined): string[] {
    if (this.#options.fromCertificate) return [`the certificate's common name: ${JSON.stringify(commonName(caller))}`];
    return [
      `gRPC metadata ${METADATA}: ${JSON.stringify(caller.metadata.get(METADATA)[0] ?? null)}`,
      `destination.labels.proxy_id: ${JSON.stringify(own ?? null)}`,
      'proxy.id: not configured',
    ];
  }
}

function commonName(caller: Caller): string {
  const name = caller.getAuthContext().sslPeerCertificate?.subject?.CN;
  return typeof name === 'string' ? name : '';
}
