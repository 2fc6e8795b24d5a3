/** The wires of a bench: what can be cut between its parts. */

import { Wire } from '../fleet/wire.ts';

export class Network {
  /** From each gate to Redis. */
  readonly #redis: Wire[] = [];
  /** From one Envoy to each gate. */
  readonly #gates: Wire[] = [];
  #replica: Wire | undefined;

  async wireRedis(port: number, gates: number): Promise<void> {
    while (this.#redis.length < gates) this.#redis.push(await Wire.to(port));
  }

  async wireGates(ports: readonly number[]): Promise<void> {
    for (const port of ports) this.#gates.push(await Wire.to(port));
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

  cutReplica(): void {
    this.#replica?.cut();
  }

  leadRedisTo(port: number): void {
    for (const wire of this.#redis) wire.leadTo(port);
  }

  stop(): void {
    for (const wire of [...this.#redis, ...this.#gates]) wire.stop();
    this.#replica?.stop();
  }
}
