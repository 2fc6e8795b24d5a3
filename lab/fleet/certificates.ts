/** A certificate authority for a test, and its certificates, made with the openssl program (3.0 or later). */

import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { lendFolder } from './folder.ts';

const run = promisify(execFile);

/** Without it, tests that need certificates are skipped. */
export const hasOpenssl = spawnSync('openssl', ['version'], { timeout: 5000 }).status === 0;
if (!hasOpenssl) console.warn('skipped: what needs certificates, because there is no program openssl');

const CONFIG = `
[req]
distinguished_name = none
[none]
[authority]
basicConstraints = critical, CA:TRUE
[leaf]
basicConstraints = critical, CA:FALSE
subjectAltName = $ENV::NAMES
`;

const HERE = 'DNS:localhost, IP:127.0.0.1';

/** Names of PEM files. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends KeyPair {
  /** A certificate for a server at the given `names`, by default localhost and 127.0.0.1; or for a client. */
  issue(file: string, names?: string): Promise<KeyPair>;
}

/** Its files are gone when this process ends. */
export async function createAuthority(): Promise<Authority> {
  const { path: folder } = lendFolder('certificates');
  const config = join(folder, 'openssl.cnf');
  writeFileSync(config, CONFIG);
  const make = async (name: string, extensions: string, names: string, signer: string[]): Promise<KeyPair> => {
    const pair = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
    const files = ['-keyout', pair.key, '-out', pair.cert, '-config', config, '-extensions', extensions];
    const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '2'];
    const env = { ...process.env, NAMES: names };
    await run('openssl', ['req', ...kind, '-subj', `/CN=${name}`, ...files, ...signer], { env });
    return pair;
  };
  const authority = await make('authority', 'authority', HERE, []);
  const signer = ['-CA', authority.cert, '-CAkey', authority.key];
  return { ...authority, issue: (file, names = HERE) => make(file, 'leaf', names, signer) };
}

export function read({ cert, key }: KeyPair): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(cert), key: readFileSync(key) };
}
