/**
 * What is wrong with an Envoy's configuration, in words that name the line to change. Each is said once for each Envoy:
 * it goes on until somebody changes it, and a line for each entry or request would hide the others.
 */

import type { Logger } from 'pino';

/** Complaints that are kept in mind. A fleet that has more of them has been told enough. */
const SAID_MAX = 1000;

const TEXTS = {
  'nameless log':
    'an access log that does not say whose it is: no slot of its connections is freed. Start that Envoy with ' +
    '--service-node, the same name as its PROXY_ID',
  'two names':
    'an Envoy whose Checks and access log have different names: set PROXY_ID (x-wsgate-proxy in the initial_metadata ' +
    'of its ext_authz filter) and --service-node to the same one',
  'hidden upgrades':
    'an Envoy whose Checks do not show that they are of WebSockets: no limit holds there. Put `upgrade` into ' +
    'allowed_headers of its ext_authz filter; or set proxy.upgradesOnly, if that filter stands in upgrade_configs',
  'no HTTP/2':
    'something that is no HTTP/2 at listen.grpc: a cluster of Envoy for it needs http2_protocol_options; metrics, health ' +
    'and the API are at listen.http',
} as const;

export class Complaints {
  readonly #log: Logger;
  readonly #said = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** `who`: the Envoy, or its address. `fields`: for the log, beside it. */
  say(what: keyof typeof TEXTS, who: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const key = `${what} ${who}`;
    if (this.#said.has(key) || this.#said.size >= SAID_MAX) return;
    this.#said.add(key);
    this.#log.error({ who, ...fields }, TEXTS[what]);
  }
}

/** Of a peer, as grpc-js names it: its address without the port, which is another one for each connection. */
export function hostOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}
