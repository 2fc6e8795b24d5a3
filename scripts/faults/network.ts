/** The wires of a bench: what can be cut between its parts. */

import { Wire } from './wire.ts';

export class Network {
  /** From each gate to Redis. */
  readonly #redis: Wire[] = [];
  /** From one Envoy to each gate. */
  readonly #gates: Wire[] = [];
  /** From all Envoys' access logs to each gate. */
  readonly #logs: Wire[] = [];
  #replica: Wire | undefined;
  #flaps: NodeJS.Timeout | undefined;

  async wireRedis(port: number, gates: number): Promise<void> {
    while (this.#redis.length < gates) this.#redis.push(await Wire.to(port));
  }

  async wireGates(ports: readonly number[]): Promise<void> {
    for (const port of ports) this.#gates.push(await Wire.to(port));
  }

  /** Resolves with the ports at which access logs find the gates. */
  async wireLogs(ports: readonly number[]): Promise<number[]> {
    for (const port of ports) this.#logs.push(await Wire.to(port));
    return this.#logs.map(({ port }) => port);
  }

  /** Resolves with the port at which a replica finds its Redis. */
  async wireReplica(port: number): Promise<number> {
    this.#replica = await Wire.to(port);
    return this.#replica.port;
  }

  /** Where this gate finds Redis, if by a wire. */
  redisPort(gate: number): number | undefined {
    return this.#redis[gate]?.port;
  }

  get gatePorts(): number[] {
    return this.#gates.map(({ port }) => port);
  }

  cutRedis(gate: number): void {
    this.#redis[gate]?.cut();
  }

  healRedis(gate: number): void {
    this.#redis[gate]?.heal();
  }

  cutGates(): void {
    for (const wire of this.#gates) wire.cut();
  }

  healGates(): void {
    for (const wire of this.#gates) wire.heal();
  }

  /** Breaks every connection of the access logs, again and again; those that come next wait for a moment. */
  beginFlaps(everyMs: number, backMs: number): void {
    this.#flaps = setInterval(() => {
      for (const wire of this.#logs) {
        wire.cut();
        wire.breakAll();
      }
      setTimeout(() => {
        for (const wire of this.#logs) wire.heal();
      }, backMs);
    }, everyMs);
  }

  endFlaps(): void {
    clearInterval(this.#flaps);
  }

  cutReplica(): void {
    this.#replica?.cut();
  }

  leadRedisTo(port: number): void {
    for (const wire of this.#redis) wire.leadTo(port);
  }

  stop(): void {
    this.endFlaps();
    for (const wire of [...this.#redis, ...this.#gates, ...this.#logs]) wire.stop();
    this.#replica?.stop();
  }
}
