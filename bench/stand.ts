/** What a benchmark runs on: real processes, which are stopped in reverse order. */

import { fileURLToPath } from 'node:url';
import { type EnvoyOptions, startEnvoy } from '../lab/fleet/envoy.ts';
import { type Gate, type GateOptions, startGate } from '../lab/fleet/gate.ts';
import { ASKABLE } from '../lab/fleet/inspector.ts';
import { type Program, start, untilReady } from '../lab/fleet/processes.ts';
import { type RedisServer, startRedis } from '../lab/redis/server.ts';
import { YOUNG_GENERATION_FLAG } from '../src/young-generation.ts';
import { Crowd, type Member, untilCounted, untilRead } from './crowd.ts';
import { cpuMs } from './process-cost.ts';

/** More than any benchmark opens: what is measured is the way to "yes". */
const NO_LIMIT = 1_000_000;

/** A server whose cost is measured. */
export interface Server {
  /** `127.0.0.1:7070` */
  readonly address: string;
  readonly pid: number;
  readonly redis?: RedisServer;
  /** Absent if it is a floor. */
  readonly gate?: Gate;
}

export type GateServer = Server & { readonly gate: Gate };

export interface GateSettings {
  readonly redis?: RedisServer;
  /** Pods with a limit that can be reached. */
  readonly limits?: Readonly<Record<string, { readonly connections: number }>>;
  /** By name: the addresses of the pods of a service. */
  readonly services?: Readonly<Record<string, readonly string[]>>;
  /** Whether connections stay that no log entry mentions for a while. */
  readonly isLasting?: boolean;
  /** `store.info` */
  readonly info?: boolean;
  readonly ports?: Pick<GateOptions, 'grpcPort' | 'httpPort'>;
  readonly env?: Readonly<Record<string, string>>;
}

export class Stand {
  readonly #stops: (() => unknown)[] = [];

  /** Stops afterwards whatever `act` has started on it. */
  static async during<T>(act: (stand: Stand) => Promise<T>): Promise<T> {
    const stand = new Stand();
    try {
      return await act(stand);
    } finally {
      for (const stop of stand.#stops.reverse()) await stop();
    }
  }

  async redis(): Promise<RedisServer> {
    const redis = await startRedis();
    this.owns(() => redis.stop());
    return redis;
  }

  /** On the embedded store if no Redis is given. */
  async gate({
    redis,
    limits = {},
    services = {},
    isLasting,
    info = true,
    ports,
    env = {},
  }: GateSettings = {}): Promise<GateServer> {
    const gate = await startGate({
      config: {
        log: { level: 'warn' },
        limits: { default: { connections: NO_LIMIT }, pods: limits },
        services: Object.fromEntries(
          Object.entries(services).map(([name, addresses]) => [name, { endpoints: { static: addresses } }]),
        ),
        // A new store is trusted at once.
        lease: { recovery: '0s', ...(isLasting ? { ttl: '1h', grace: '2h' } : {}) },
        // A busy machine may stall for a moment; that is no Redis that is away.
        ...(redis ? { store: { url: redis.url, deadline: '2s', info } } : {}),
      },
      ...ports,
      env,
    });
    this.owns(() => gate.stop());
    return { address: gate.grpc, pid: gate.pid, gate, ...(redis ? { redis } : {}) };
  }

  /** Opens WebSockets at that gate, and waits until its store counts `counted`: these, and those of before. */
  async crowd({ address, gate }: GateServer, all: readonly Member[], counted = all.length): Promise<Crowd> {
    const crowd = await Crowd.at(address, all);
    this.owns(() => crowd.close());
    await untilRead(gate, crowd, () => crowd.speak());
    await untilCounted(gate, counted);
    return crowd;
  }

  /** One of the small servers in `programs/`; it says where it listens. */
  async program(name: 'noop-grpc' | 'noop-http2' | 'holding-http2' | 'raw-pod'): Promise<Server> {
    return serverOf(await this.start(name));
  }

  /** The floor of held streams, with a gate's young generation, and able to tell of its heap. */
  async holding(): Promise<Server & { readonly program: Program }> {
    const program = await this.#start('holding-http2', [YOUNG_GENERATION_FLAG], [], ASKABLE);
    return { ...(await serverOf(program)), program };
  }

  /** Any of `programs/`. */
  async start(name: string, ...args: string[]): Promise<Program> {
    return this.#start(name, [], args, {});
  }

  async #start(name: string, flags: readonly string[], args: readonly string[], env: Record<string, string>) {
    const file = fileURLToPath(new URL(`./programs/${name}.ts`, import.meta.url));
    const program = await start({ name, file: process.execPath, args: [...flags, file, ...args], env });
    this.owns(() => program.stop());
    return program;
  }

  /** Resolves with the port that it listens on. */
  async envoy(options: EnvoyOptions): Promise<number> {
    const envoy = await startEnvoy(options);
    this.owns(() => envoy.stop());
    return envoy.port;
  }

  /** Something else to be stopped. */
  owns(stop: () => unknown): void {
    this.#stops.push(stop);
  }
}

/** It says its port in a line of its own. */
async function serverOf(program: Program): Promise<Server> {
  const port = () => program.lines().find((line) => /^\d+$/.test(line));
  await untilReady(program, async () => port() !== undefined);
  return { address: `127.0.0.1:${port()}`, pid: program.pid };
}

export interface Cost {
  readonly cpuUs: number;
  readonly redisCpuUs: number;
}

/** What the server and its Redis have cost so far. */
async function costOf({ pid, redis }: Server): Promise<Cost> {
  const info = (await redis?.client.info('cpu')) ?? '';
  const seconds = (name: string) => Number(new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1] ?? 0);
  return { cpuUs: cpuMs(pid) * 1000, redisCpuUs: (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6 };
}

/** What the server and its Redis cost while `act` goes on, divided by `count`. */
export async function costDuring<T>(
  server: Server,
  count: number,
  act: () => Promise<T>,
): Promise<Cost & { readonly result: T }> {
  const before = await costOf(server);
  const result = await act();
  const after = await costOf(server);
  const each = (key: keyof Cost) => (after[key] - before[key]) / count;
  return { cpuUs: each('cpuUs'), redisCpuUs: each('redisCpuUs'), result };
}

/** Rejects when the gate, asking its store, has not admitted exactly `count` upgrades meanwhile. */
export async function allAdmitted<T>({ gate }: Server, count: number, act: () => Promise<T>): Promise<T> {
  const admitted = async () =>
    (await gate?.metrics('/metrics'))?.['wsgate_decisions_total{outcome="admitted",reason="WITHIN_LIMIT"}'] ?? 0;
  const before = await admitted();
  const result = await act();
  const more = (await admitted()) - before;
  if (gate && more !== count) throw new Error(`the store let ${more} of ${count} in: this measures something else`);
  return result;
}
