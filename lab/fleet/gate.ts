/** A gate as a child of this process, from its sources or from those of another version. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lendFolder } from './folder.ts';
import { type Metrics, readMetrics } from './metrics.ts';
import { freePort, type Program, start, untilReady } from './processes.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export interface GateOptions {
  /** As in the configuration file, nested: `{ limits: { default: { connections: 100 } } }`. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Free ones if not given. */
  readonly grpcPort?: number;
  readonly httpPort?: number;
  /** Instead of a port for gRPC. */
  readonly grpcSocket?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** `/healthz` for a gate that is not going to be ready, because its store is away. `/readyz` if not given. */
  readonly waitFor?: '/readyz' | '/healthz';
  /** The `main.ts` of another version. */
  readonly main?: string;
}

export interface Gate extends Program {
  /** Where an Envoy finds it: `127.0.0.1:7070`, or `unix:/path`. */
  readonly grpc: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** What it logged, parsed. */
  logs(): Record<string, unknown>[];
  /** The fleet's figures, `/websocket/metrics`; or this process's own, `/metrics`. */
  metrics(path?: '/websocket/metrics' | '/metrics'): Promise<Metrics>;
}

export async function startGate(options: GateOptions = {}): Promise<Gate> {
  const grpcPort = options.grpcPort ?? (await freePort());
  const httpPort = options.httpPort ?? (await freePort());
  const grpc = options.grpcSocket ? `unix:${options.grpcSocket}` : `127.0.0.1:${grpcPort}`;
  const http = `127.0.0.1:${httpPort}`;
  const folder = lendFolder('gate');
  const file = join(folder.path, 'wsgate.yaml');
  try {
    // JSON is YAML.
    writeFileSync(file, JSON.stringify({ ...options.config, listen: { grpc, http } }));
    const args = [options.main ?? MAIN, 'serve', '--config', file];
    const program = await start({ name: 'gate', file: process.execPath, args, env: options.env ?? {} });
    void program.ended.then(folder.remove);
    await untilReady(program, () => answersOk(`http://${http}${options.waitFor ?? '/readyz'}`));
    return {
      ...program,
      grpc,
      grpcPort,
      httpPort,
      logs: () => program.lines().flatMap(parseLog),
      metrics: (path = '/websocket/metrics') => readMetrics(`http://${http}${path}`),
    };
  } catch (error) {
    folder.remove();
    throw error;
  }
}

async function answersOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false; // not listening yet
  }
}

function parseLog(line: string): Record<string, unknown>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return []; // a line that is not the logger's, such as a crash
  }
}
