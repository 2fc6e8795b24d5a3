/** A real API server of Kubernetes, with an etcd of its own: nothing else of a cluster. */

import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { KubeConfig, VersionApi } from '@kubernetes/client-node';
import { onTestFinished } from 'vitest';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { freePort, type Program, start, until } from '../../lab/fleet/processes.ts';
import { kubeconfigOf } from '../support/kubernetes-api.ts';

/** Its requests come as of this ServiceAccount. */
const GATE = 'system:serviceaccount:default:wsgate';
const DEADLINE_MS = 120_000;

export interface Kubernetes {
  /** Of somebody who may do everything. */
  readonly admin: KubeConfig;
  /** A file: of the gates' ServiceAccount. */
  readonly gateConfig: string;
  /** Of the API server; etcd keeps what there is. */
  restart(): Promise<void>;
}

/** `folder`: of the programs. */
export async function startKubernetes(folder: string): Promise<Kubernetes> {
  const { path, remove } = lendFolder('kubernetes');
  const at = (name: string) => join(path, name);
  const programs: Program[] = [];
  onTestFinished(async () => {
    for (const program of programs.reverse()) await end(program);
    remove();
  });
  const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
  const etcd = `http://127.0.0.1:${client}`;
  const ofEtcd = {
    'data-dir': at('etcd'),
    'listen-client-urls': etcd,
    'advertise-client-urls': etcd,
    'listen-peer-urls': `http://127.0.0.1:${peer}`,
  };
  programs.push(await start({ name: 'etcd', file: join(folder, 'etcd'), args: flags(ofEtcd) }));

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(at('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
  writeFileSync(at('tokens.csv'), `admin,admin,1,system:masters\ngate,${GATE},2\n`);
  const ofServer = {
    'etcd-servers': etcd,
    'secure-port': String(port),
    'bind-address': '127.0.0.1',
    'cert-dir': at('certificates'),
    'token-auth-file': at('tokens.csv'),
    'authorization-mode': 'RBAC',
    'service-account-issuer': 'https://127.0.0.1',
    'service-account-key-file': at('key.pem'),
    'service-account-signing-key-file': at('key.pem'),
    'service-cluster-ip-range': '198.51.100.0/24',
  };
  const startServer = async () => {
    const server = await start({
      name: 'kube-apiserver',
      file: join(folder, 'kube-apiserver'),
      args: flags(ofServer),
      env: { GOMAXPROCS: '2' },
    });
    programs.push(server);
    const api = admin.makeApiClient(VersionApi);
    await until('the API server answers', () => api.getCode().then(Boolean, () => false), DEADLINE_MS);
    return server;
  };

  const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority': at('certificates/apiserver.crt') };
  const config = (token: string) => kubeconfigOf(cluster, { token });
  const admin = new KubeConfig();
  admin.loadFromString(config('admin'));
  writeFileSync(at('gate.json'), config('gate'));
  let server = await startServer();
  return {
    admin,
    gateConfig: at('gate.json'),
    async restart() {
      await end(server);
      server = await startServer();
    },
  };
}

/** One of this machine: EndpointSlices hold no loopback addresses. */
export function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!found) throw new Error('this machine has no IPv4 address but loopback');
  return found.address;
}

/** In order, it would wait for its watchers. */
async function end(program: Program): Promise<void> {
  program.kill('SIGKILL');
  await program.ended;
}

function flags(all: Readonly<Record<string, string>>): string[] {
  return Object.entries(all).map(([name, value]) => `--${name}=${value}`);
}
