/** The PEM files that the configuration names. They are read and parsed at start, so that a bad one is told at once. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { explain } from '../system-error.ts';

interface Names {
  /** Certificates of authorities. */
  readonly ca?: string;
  /** A certificate, followed by the intermediate ones; and its key. */
  readonly cert?: string;
  readonly key?: string;
}

type Pems<Files extends Names> = { readonly [Name in keyof Files]: Buffer };

/** Reads the files of a section of the configuration. Throws with the key's path and the file's name. */
export function readPems<Files extends Names>(section: string, files: Files): Pems<Files> {
  const pems: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = files[name];
    if (file !== undefined) pems[name] = readPem(`${section}.${name}: ${file}`, file, name === 'key');
  }
  const { cert, key } = pems;
  if (cert && key && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${section}.key: ${files.key} is not the key of the certificate ${files.cert}`);
  }
  return pems as Pems<Files>;
}

function readPem(what: string, file: string, isKey: boolean): Buffer {
  let pem: Buffer;
  try {
    pem = readFileSync(file);
  } catch (error) {
    throw new Error(`${what} cannot be read: ${explain(error)}`);
  }
  if (!(isKey ? holds(createPrivateKey, pem) : holds((text) => new X509Certificate(text), pem))) {
    throw new Error(
      `${what} holds no ${isKey ? 'private key in PEM, or one with a passphrase' : 'certificate in PEM'}`,
    );
  }
  return pem;
}

/** Whether it parses. OpenSSL's own errors name only its functions. */
function holds(parse: (pem: Buffer) => unknown, pem: Buffer): boolean {
  if (!pem.includes('-----BEGIN ')) return false; // DER would parse here and fail later
  try {
    parse(pem);
    return true;
  } catch {
    return false;
  }
}
