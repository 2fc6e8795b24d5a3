/**
 * The gRPC server's certificates. Their files are read again and again: a renewed certificate is used from the next
 * handshake on. Files that cannot be used, such as a new certificate whose key is still to come, change nothing.
 */

import type { experimental } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { readPems } from '../../net/pem-files.ts';

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate of this authority. */
  readonly ca?: string;
}

type CaListener = Parameters<experimental.CertificateProvider['addCaCertificateListener']>[0];
type IdentityListener = Parameters<experimental.CertificateProvider['addIdentityCertificateListener']>[0];

const READ_AGAIN_MS = 2000;

export class Certificates implements experimental.CertificateProvider {
  readonly #files: CertificateFiles;
  readonly #log: Logger;
  readonly #caListeners = new Set<CaListener>();
  readonly #identityListeners = new Set<IdentityListener>();
  readonly #timer: NodeJS.Timeout;
  #pems: ReturnType<typeof readPems<CertificateFiles>>;
  #complaint = '';

  /** Throws with the configuration's key and the file's name when one of them cannot be used. */
  constructor(files: CertificateFiles, log: Logger) {
    this.#files = files;
    this.#log = log;
    this.#pems = readPems('listen.tls', files);
    this.#timer = setInterval(() => this.#readAgain(), READ_AGAIN_MS).unref();
  }

  get asksClients(): boolean {
    return this.#files.ca !== undefined;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#caListeners.add(listener);
    queueMicrotask(() => this.#tellCa(listener)); // the server listens to its credentials only after this call
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#caListeners.delete(listener);
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.add(listener);
    queueMicrotask(() => this.#tellIdentity(listener));
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#identityListeners.delete(listener);
  }

  #readAgain(): void {
    try {
      const pems = readPems('listen.tls', this.#files);
      this.#complaint = '';
      if (same(pems, this.#pems)) return;
      this.#pems = pems;
      for (const listener of this.#caListeners) this.#tellCa(listener);
      for (const listener of this.#identityListeners) this.#tellIdentity(listener);
      this.#log.info('the certificates of listen.tls have changed, and are in use');
    } catch (error) {
      const complaint = error instanceof Error ? error.message : String(error);
      if (complaint !== this.#complaint)
        this.#log.error(
          { complaint },
          'the files of listen.tls cannot be used: the certificates from before stay in use',
        );
      this.#complaint = complaint;
    }
  }

  #tellCa(listener: CaListener): void {
    listener(this.#pems.ca ? { caCertificate: this.#pems.ca } : null);
  }

  #tellIdentity(listener: IdentityListener): void {
    listener({ certificate: this.#pems.cert, privateKey: this.#pems.key });
  }
}

function same(a: Readonly<Record<string, Buffer>>, b: Readonly<Record<string, Buffer>>): boolean {
  return ['cert', 'key', 'ca'].every((name) => a[name]?.equals(b[name] ?? Buffer.alloc(0)) ?? true);
}
