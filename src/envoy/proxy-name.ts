/** Which proxy a call comes from: the first of the configured sources that names one. */

import { isIP } from 'node:net';
import { type ProxyId, parseProxyId } from '../admission/ids.ts';
import type { ProxySource } from '../config/proxy-sources.ts';
import { certificateNames, commonName, type PeerCertificate } from './certificate-names.ts';

/** gRPC initial metadata that an Envoy is configured to send with Checks. */
const METADATA = 'x-wsgate-proxy';

export interface ProxyNameOptions {
  /** The name when nothing else tells. */
  readonly id?: ProxyId;
  /** `metadata`, `label`, `node` if not given. */
  readonly from?: readonly ProxySource[];
  /** The name is the common name of the client's certificate, and nothing else is believed. */
  readonly fromCertificate: boolean;
}

/** What a call of any door tells of its caller, as grpc-js has it. */
export interface Caller {
  readonly metadata: { get(key: string): readonly unknown[] };
  getPeer(): string;
  getAuthContext(): { readonly sslPeerCertificate?: PeerCertificate | undefined };
}

/** What a message itself says of its sender. */
export interface Sender {
  /** `destination.labels.proxy_id`, in a Check. */
  readonly label?: string | undefined;
  /** The id of Envoy's node: in the access log, and as an attribute of the hold door. */
  readonly node?: string | undefined;
}

interface Source {
  readonly name: string;
  read(caller: Caller, sender: Sender): readonly unknown[];
}

const SOURCES: Readonly<Record<ProxySource, Source>> = {
  metadata: { name: `gRPC metadata ${METADATA}`, read: (caller) => caller.metadata.get(METADATA).slice(0, 1) },
  label: { name: 'destination.labels.proxy_id', read: (_, { label }) => [label] },
  node: { name: 'node id', read: (_, { node }) => [node] },
  certificate: {
    name: 'certificate (URI, DNS name, common name)',
    read: (caller) => certificateNames(certificate(caller)),
  },
  peer: { name: 'address of the connection', read: (caller) => [addressOf(caller.getPeer())] },
};

const COMMON_NAME: Source = {
  name: "the certificate's common name",
  read: (caller) => [commonName(certificate(caller))],
};

export class ProxyNames {
  readonly #id: ProxyId | undefined;
  readonly #sources: readonly Source[];
  /** Whether the name is proven, so that no proxy can speak for another. */
  readonly certified: boolean;

  constructor({ id, from = ['metadata', 'label', 'node'], fromCertificate }: ProxyNameOptions) {
    this.#sources = fromCertificate ? [COMMON_NAME] : from.map((source) => SOURCES[source]);
    this.certified = fromCertificate || from.every((source) => source === 'certificate');
    // Whoever shows no name in a certificate is nobody else by default.
    this.#id = this.certified ? undefined : id;
  }

  of(caller: Caller, sender: Sender): ProxyId | undefined {
    for (const source of this.#sources) {
      for (const name of source.read(caller, sender)) {
        // In a Check, Envoy writes `-` for an environment variable that is not set. In the access log it does not fill in
        // `%ENVIRONMENT(…)%` at all, and what it sends then is no name.
        const proxy = typeof name === 'string' && name !== '-' ? parseProxyId(name) : undefined;
        if (proxy) return proxy;
      }
    }
    return this.#id;
  }

  /** What each place said, for the log of a request whose proxy is unknown. */
  explain(caller: Caller, sender: Sender): string[] {
    const said = this.#sources.map((source) => {
      const names = source.read(caller, sender).filter((name) => name !== undefined);
      return `${source.name}: ${names.length === 0 ? 'nothing' : names.map((name) => JSON.stringify(name)).join(', ')}`;
    });
    return this.certified ? said : [...said, 'proxy.id: not configured'];
  }
}

function certificate(caller: Caller): PeerCertificate | undefined {
  return caller.getAuthContext().sslPeerCertificate;
}

/** Of `ip:port`, as grpc-js names a peer. A unix socket has no address. */
function addressOf(peer: string): string | undefined {
  const address = peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isIP(address) === 0 ? undefined : address;
}
