/** What a fault can ask of its fleet. */

import type { RedisOptions } from './redis-pair.ts';

export type Policy = 'deny' | 'allow' | 'share';

/** How the Envoys' configuration differs from envoy/edge.yaml. */
export interface EdgeOptions {
  /** Of each Envoy; 2 if not given. */
  readonly workers?: number;
  /** Each Envoy knows one gate only: the first Envoy the first gate, and so on. */
  readonly ownGates?: boolean;
  /** No HTTP/2 keepalive and no health checks towards the gates. */
  readonly unwatched?: boolean;
  /** No `access_log_flush_interval`: no periodic entries. */
  readonly noFlush?: boolean;
  /** A filter on the access log leaves out every second connection. */
  readonly logsHalf?: boolean;
}

export interface FleetOptions extends RedisOptions, EdgeOptions {
  /** Each gate reaches Redis by a wire of its own. */
  readonly redisWires?: boolean;
  /** This Envoy reaches the gates by wires of its own. */
  readonly gateWiresOf?: number;
  readonly garbled?: boolean;
  /** 2 if not given. */
  readonly gates?: number;
  /** One gate, which keeps the leases in its memory. */
  readonly embedded?: boolean;
  /** This gate is given the clock of `wrong-clock.ts`. */
  readonly wrongClockAt?: number;
}

export interface FleetSettings extends FleetOptions {
  readonly policy: Policy;
  /** Seed of the garbler's choices. */
  readonly seed: number;
  /** `SIZE.limit` if not given. */
  readonly limit?: number;
  /** Of each gate. */
  readonly env?: Readonly<Record<string, string>>;
}
