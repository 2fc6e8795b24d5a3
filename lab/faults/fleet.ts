/** The fleet that faults happen to. Beyond what tests need of a fleet, any part of it can be broken and mended. */

import { Api } from '../../src/client/api.ts';
import type { Envoy } from '../fleet/envoy.ts';
import { Fleet, type FleetOptions } from '../fleet/fleet.ts';
import type { Gate, GateOptions } from '../fleet/gate.ts';
import { machineNow } from '../fleet/machine-time.ts';
import type { Pod } from '../fleet/pod.ts';
import { until } from '../fleet/processes.ts';
import { Random } from '../fleet/random.ts';
import { Wire } from '../fleet/wire.ts';
import type { RedisServer } from '../redis/server.ts';
import { DOORS, type Door } from './doors.ts';
import { changeEdge, isEven } from './edge-changes.ts';
import type { FleetSettings } from './fleet-options.ts';
import { Garbler } from './garbler.ts';
import { heldStreams } from './held-streams.ts';
import { RedisPair } from './redis-pair.ts';
import { SCALE, SIZE } from './scale.ts';
import { Unheld } from './unheld.ts';

const WRONG_CLOCK = { NODE_OPTIONS: `--import=${new URL('./wrong-clock.ts', import.meta.url).href}` };

export class BreakableFleet extends Fleet {
  declare readonly redis: RedisServer;
  readonly redises: RedisPair;
  /** Envoys whose connections may break: a fault ends them. */
  readonly doomed = new Set<Envoy>();
  /** All gates that ever ran. */
  readonly started: Gate[] = [];
  readonly unheld = new Unheld();
  /** Programs that ended by themselves. */
  readonly accidents: string[] = [];
  /** Of each pod; gates that are started from now on have it. */
  limit: number;
  garbler: Garbler | undefined;
  readonly #settings: FleetSettings;
  /** From one Envoy to each gate. */
  readonly #gateWires: Wire[] = [];
  /** From each Envoy's held streams to each gate. */
  readonly #holdWires: Wire[] = [];
  readonly #ending = new Set<Gate | Envoy>();
  #logPort: number | undefined;

  private constructor(settings: FleetSettings, redises: RedisPair) {
    const { embedded, gates = SIZE.gates, policy, env, redisWires = false, ownGates = false, workers = 2 } = settings;
    const { door = 'log' } = settings;
    const { flushMs, ttlMs, recoveryMs, graceMs, keepaliveMs, keepaliveTimeoutMs } = SCALE;
    const options = {
      gates: embedded ? 1 : gates,
      proxies: Array.from({ length: SIZE.proxies }, (_, index) => `proxy_${index + 1}`),
      pods: Array.from({ length: SIZE.pods }, (_, index) => `pod${index + 1}`),
      config: {
        lease: {
          ttl: `${ttlMs}ms`,
          recovery: `${recoveryMs}ms`,
          grace: `${graceMs}ms`,
          ...(door === 'hold' || door === 'both' ? { unrenewedMax: `${SCALE.unrenewedMaxMs}ms` } : {}),
        },
        outage: { policy },
      },
      env: {
        WSGATE_LISTEN_KEEPALIVE: `${keepaliveMs}ms`,
        WSGATE_LISTEN_KEEPALIVE_TIMEOUT: `${keepaliveTimeoutMs}ms`,
        ...env,
      },
      file: settings.placed ? ('placement.yaml' as const) : DOORS[door].file,
      flushIntervalMs: flushMs,
      patient: false,
    };
    const mutate: FleetOptions['mutate'] = (config) =>
      changeEdge(config, { logPort: this.#logPort, holdPorts: this.#holdWires.map(({ port }) => port) }, settings);
    super({ ...options, redisWires, ownGates, workers, mutate }, embedded ? undefined : redises.first);
    this.redises = redises;
    this.limit = settings.limit ?? SIZE.limit;
    this.#settings = settings;
  }

  get door(): Door {
    return this.#settings.door ?? 'log';
  }

  /** Whether the gates choose the pods. */
  get isPlaced(): boolean {
    return this.#settings.placed === true;
  }

  static async startFor(settings: FleetSettings): Promise<BreakableFleet> {
    const fleet = new BreakableFleet(settings, await RedisPair.start(settings));
    try {
      await fleet.begin();
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  protected override async gatesAreReady(): Promise<void> {
    const { gateWiresOf, holdWires, garbled, seed } = this.#settings;
    if (gateWiresOf !== undefined) for (const { grpcPort } of this.gates) this.#gateWires.push(await Wire.to(grpcPort));
    if (holdWires) for (const { grpcPort } of this.gates) this.#holdWires.push(await Wire.to(grpcPort));
    await until('the new store is trusted', () => this.#isTrusted(), 2 * SCALE.recoveryMs + 2_000);
    if (this.#settings.overridden) await this.#override();
    if (!garbled) return;
    const addresses = this.gates.map(({ grpc }) => grpc);
    const { garbler, port } = await Garbler.start(addresses, new Random(`${seed} garbler`));
    this.garbler = garbler;
    this.#logPort = port;
  }

  async #override(): Promise<void> {
    const api = new Api({ url: `http://127.0.0.1:${this.gate.httpPort}` });
    for (const pod of this.pods) await api.setLimit(this.#idOf(pod), { connections: this.limit });
  }

  async #isTrusted(): Promise<boolean> {
    const metrics = await Promise.all(this.gates.map((gate) => gate.metrics('/metrics')));
    return metrics.every(({ wsgate_store_recovering: recovering }) => recovering === 0);
  }

  protected override gateOptions(index: number): GateOptions {
    const { config, env, ...options } = super.gateOptions(index);
    const limits = { default: { connections: (this.#settings.overridden ? 2 : 1) * this.limit } };
    const clock = this.#settings.wrongClockAt === index ? WRONG_CLOCK : {};
    const chat = { endpoints: { static: this.pods.map(addressOf) } };
    const services = this.isPlaced ? { services: { chat } } : {};
    return { ...options, config: { ...config, ...services, limits }, env: { ...clock, ...env } };
  }

  protected override gatesOf(proxy: number): readonly string[] {
    if (this.#settings.gateWiresOf !== proxy) return super.gatesOf(proxy);
    return this.#gateWires.map(({ port }) => `127.0.0.1:${port}`);
  }

  override async startGate(index: number, more: GateOptions = {}): Promise<void> {
    await super.startGate(index, more);
    this.started.push(this.gateAt(index));
    this.#watch(this.gateAt(index), `gate ${index + 1}`);
  }

  override async startEnvoy(index: number): Promise<void> {
    await super.startEnvoy(index);
    this.#watch(this.envoyAt(index), `Envoy ${index + 1}`);
  }

  /** Whether a door tells of the connection with this number. */
  isTold(number: number): boolean {
    return !this.#settings.logsHalf || this.door === 'both' || isEven(number);
  }

  async end(program: Gate | Envoy, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if ('grpcPort' in program && this.door === 'hold') {
      program.kill('SIGSTOP'); // what is counted now is what it holds when it ends
      await this.#streamsBreak((port) => port === program.grpcPort);
      program.kill('SIGCONT');
    }
    if (!('grpcPort' in program) && signal === 'SIGKILL') await this.#streamsBreak(() => true, [program]); // by SIGTERM, Envoy ends each of them
    this.#ending.add(program);
    program.kill(signal);
    await program.ended;
  }

  /** For longer than a gate waits for the answer to a ping: the streams break. */
  async cutGates(): Promise<void> {
    const ports = new Set(this.#gateWires.map(({ port }) => port));
    for (const wire of this.#gateWires) wire.cut();
    await this.#streamsBreak((port) => ports.has(port));
  }

  healGates(): void {
    for (const wire of this.#gateWires) wire.heal();
  }

  cutHolds(): void {
    for (const wire of this.#holdWires) wire.cut();
  }

  healHolds(): void {
    for (const wire of this.#holdWires) wire.heal();
  }

  async promoteReplica(): Promise<void> {
    const port = await this.redises.promoteReplica();
    for (const wire of this.redisWires) wire.leadTo(port);
  }

  /** What the store has, at this moment; undefined when it does not answer. */
  async leasesOf(name: string): Promise<string[] | undefined> {
    const pod = this.pods.find((each) => each.name === name);
    const id = pod ? this.#idOf(pod) : name;
    if (!this.#settings.embedded) return this.redises.leases(id);
    try {
      return (await this.holders(id)).map(({ lease }) => lease);
    } catch {
      return undefined; // it is down
    }
  }

  #idOf(pod: Pod): string {
    return this.isPlaced ? `chat/${addressOf(pod)}` : pod.name;
  }

  /** Live WebSockets as the Envoys themselves count them, by pod; as the pods do, where they are one cluster. */
  async gauges(): Promise<Record<string, number>> {
    if (this.isPlaced) return Object.fromEntries(this.pods.map(({ name, connections }) => [name, connections]));
    const sums: Record<string, number> = {};
    for (const envoy of this.envoys.filter((each) => !this.#ending.has(each))) {
      const stats = await envoy.stats();
      for (const { name } of this.pods) {
        sums[name] = (sums[name] ?? 0) + (stats[`cluster.${name}.upstream_cx_active`] ?? 0);
      }
    }
    return sums;
  }

  override async stop(): Promise<void> {
    // One that is still stopped by a fault that failed could not end by SIGTERM.
    await Promise.all(
      [...this.envoys, ...this.doomed, ...this.gates].map((each) => {
        this.#ending.add(each);
        each.kill('SIGKILL');
        return each.ended;
      }),
    );
    this.garbler?.stop();
    for (const wire of [...this.#gateWires, ...this.#holdWires]) wire.stop();
    await super.stop();
    await this.redises.stop();
  }

  async #streamsBreak(leadTo: (port: number) => boolean, envoys: readonly Envoy[] = this.#running()): Promise<void> {
    if (this.door !== 'hold') return;
    const held = await Promise.all(envoys.map(heldStreams));
    const streams = held.flatMap((byPort) => [...byPort].filter(([port]) => leadTo(port)).map(([, count]) => count));
    this.unheld.note(
      streams.reduce((sum, count) => sum + count, 0),
      machineNow(),
    );
  }

  #running(): Envoy[] {
    return [...new Set([...this.envoys, ...this.doomed])].filter((each) => !this.#ending.has(each));
  }

  #watch(program: Gate | Envoy, name: string): void {
    void program.ended.then((how) => {
      if (!this.#ending.has(program)) this.accidents.push(`${name} ended by itself: ${how}`);
    });
  }
}

function addressOf({ port }: Pod): string {
  return `127.0.0.1:${port}`;
}
