/** A real Envoy as a child of this process. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Edge, renderEdge } from './edge.ts';
import { lendFolder } from './folder.ts';
import { type Program, start, untilReady } from './processes.ts';

export interface EnvoyOptions extends Edge {
  /** Its name as a proxy. */
  readonly proxyId: string;
  /** Threads, each with its own connections and log stream; 2 if not given. */
  readonly workers?: number;
  /** Makes its configuration, with a listener `edge`; `renderEdge` if not given. */
  readonly render?: Render;
}

export type Render = (edge: Edge) => string;

export interface Envoy extends Program {
  readonly port: number;
  /** The listeners' ports by their names: `edge`, and what a test has added. */
  readonly ports: Readonly<Record<string, number>>;
  readonly adminPort: number;
  /** Counters and gauges by name: `cluster.pod1.upstream_cx_active`. */
  stats(): Promise<Record<string, number>>;
}

export function envoyBinary(): string {
  const file = process.env.ENVOY_BIN;
  if (!file) throw new Error('ENVOY_BIN is not set: npm start and npm test find an Envoy and set it');
  return file;
}

/** Starts an Envoy on edge.yaml with the given changes; it is ready when this is fulfilled. */
export async function startEnvoy(options: EnvoyOptions): Promise<Envoy> {
  const folder = lendFolder('envoy');
  const config = join(folder.path, 'envoy.json');
  const adminAddress = join(folder.path, 'admin-address');
  try {
    writeFileSync(config, (options.render ?? renderEdge)(options));
    const program = await start({
      name: options.proxyId,
      file: envoyBinary(),
      args: [
        ...['-c', config, '--service-node', options.proxyId, '--service-cluster', 'edge'],
        ...['--admin-address-path', adminAddress, '--concurrency', String(options.workers ?? 2), '--log-level', 'warn'],
        // Hot restart takes shared memory, which an Envoy that is killed leaves behind.
        '--disable-hot-restart',
      ],
      env: { PROXY_ID: options.proxyId },
    });
    void program.ended.then(folder.remove);
    await untilReady(program, async () => existsSync(adminAddress) && (await isLive(adminAddress)));
    const admin = readFileSync(adminAddress, 'utf8');
    const ports = await listenPorts(admin);
    const { edge: port } = ports;
    if (port === undefined) throw new Error('Envoy has no listener');
    return {
      ...program,
      port,
      ports,
      adminPort: Number(new URL(`http://${admin}`).port),
      stats: () => stats(admin),
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

async function isLive(adminAddress: string): Promise<boolean> {
  try {
    return (await fetch(`http://${readFileSync(adminAddress, 'utf8')}/ready`)).ok;
  } catch {
    return false; // not listening yet, or the address is only half written
  }
}

interface Listeners {
  readonly listener_statuses: readonly {
    readonly name: string;
    readonly local_address: { readonly socket_address?: { readonly port_value: number } };
  }[];
}

async function listenPorts(admin: string): Promise<Record<string, number>> {
  const answer = await fetch(`http://${admin}/listeners?format=json`);
  const { listener_statuses: listeners } = (await answer.json()) as Listeners;
  return Object.fromEntries(
    listeners.flatMap(({ name, local_address: { socket_address: at } }) => (at ? [[name, at.port_value]] : [])),
  );
}

interface Stats {
  readonly stats: readonly { readonly name?: string; readonly value?: number }[];
}

async function stats(admin: string): Promise<Record<string, number>> {
  const answer = await fetch(`http://${admin}/stats?format=json`);
  const found: Record<string, number> = {};
  // Histograms are one entry without a name, and text has no number.
  for (const { name, value } of ((await answer.json()) as Stats).stats) {
    if (name !== undefined && typeof value === 'number') found[name] = value;
  }
  return found;
}
