/**
 * What is wrong with an Envoy's configuration, in words that name the line to change. Each is said once for each Envoy:
 * it goes on until somebody changes it, and a line for each entry or request would hide the others.
 */

import type { Logger } from 'pino';
import { see } from '../see.ts';

/** Complaints that are kept in mind. A fleet that has more of them has been told enough. */
const SAID_MAX = 1000;

const COMPLAINTS = {
  'nameless log': {
    see: see('closes-not-heard'),
    text:
      'an access log that does not say whose it is: no slot of its connections is freed. Start that Envoy with ' +
      '--service-node, the same name as its PROXY_ID',
  },
  'two names': {
    see: see('closes-not-heard'),
    text:
      'an Envoy whose Checks and access log have different names: set PROXY_ID (x-wsgate-proxy in the initial_metadata ' +
      'of its ext_authz filter) and --service-node to the same one',
  },
  'one name': {
    see: see('one-name'),
    text:
      'Envoys under one name: they are counted as one proxy, and when one of them dies, its slots may stay taken. Give ' +
      'each its own PROXY_ID and --service-node. (One Envoy, behind something that gives it several addresses: nothing ' +
      'is wrong)',
  },
  'never asked': {
    see: see('never-asked'),
    text:
      'an Envoy whose access log tells of WebSockets that no gate was asked about: they are counted, and never limited. ' +
      'Their listener or route lacks the ext_authz filter: upgrade_configs.filters of its HTTP connection manager, as in ' +
      'envoy/edge.yaml. Or the filter has failure_mode_allow: true, and its cluster reaches no gate',
  },
  'no namespaces': {
    see: see('pod-unknown'),
    text:
      'an Envoy whose route tells its pod, and whose ext_authz filter does not send it: set ' +
      'route_metadata_context_namespaces: [wsgate] in the filter',
  },
  'hidden upgrades': {
    see: see('hidden-upgrades'),
    text:
      'an Envoy whose Checks do not show that they are of WebSockets: no limit holds there. Put `upgrade` into ' +
      'allowed_headers of its ext_authz filter; or set proxy.upgradesOnly, if that filter stands in upgrade_configs',
  },
  rerouted: {
    see: see('rerouted'),
    text:
      'an Envoy that chooses another route when the gate has let a WebSocket in: it is counted at the pod of that route, ' +
      'even over its limit. Put the filter that changes the path or headers before that of the gate, in ' +
      'upgrade_configs.filters',
  },
  'not obeyed': {
    see: see('not-obeyed'),
    text:
      'an Envoy that sends WebSockets to other pods than the gate has chosen: they are counted where they are, even over the ' +
      'limit. Make its cluster strict: override_host with the fallback_policy of envoy/placement.yaml',
  },
  'split pod': {
    see: see('split-pod'),
    text:
      'an Envoy whose connections of one pod go to several clusters: they count together, whichever they reach. Give each ' +
      'weighted cluster its own pod, by context_extensions in its typed_per_filter_config, and the route no pod. (All ' +
      'clusters lead to this one pod: nothing is wrong)',
  },
  'no HTTP/2': {
    see: see('no-answer'),
    text:
      'something that is no HTTP/2 at listen.grpc: a cluster of Envoy for it needs http2_protocol_options; metrics, health ' +
      'and the API are at listen.http',
  },
} as const;

export type Complaint = keyof typeof COMPLAINTS;

export class Complaints {
  readonly #log: Logger;
  readonly #said = new Set<string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** `who`: the Envoy, or its address. `fields`: for the log, beside it. */
  say(what: Complaint, who: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const key = `${what} ${who}`;
    if (this.#said.has(key) || this.#said.size >= SAID_MAX) return;
    this.#said.add(key);
    const { text, see } = COMPLAINTS[what];
    this.#log.error({ who, ...fields, see }, text);
  }
}

/** Of a peer, as grpc-js names it: its address without the port, which is another one for each connection. */
export function hostOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}
