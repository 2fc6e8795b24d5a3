/** What a fault can ask of its fleet. */

import type { Door } from './doors.ts';
import type { RedisOptions } from './redis-pair.ts';

export type Policy = 'deny' | 'allow' | 'share';

/** How the Envoys' configuration differs from the shipped file. */
export interface EdgeOptions {
  /** Of each Envoy; 2 if not given. */
  readonly workers?: number;
  /** Each Envoy knows one gate only: the first Envoy the first gate, and so on. */
  readonly ownGates?: boolean;
  /** No HTTP/2 keepalive and no health checks towards the gates. */
  readonly unwatched?: boolean;
  /** No `access_log_flush_interval`: no periodic entries. */
  readonly noFlush?: boolean;
  /** Envoy waits longer than shipped for the hold door's answer, so that no connection opens unheld. */
  readonly holdsAll?: boolean;
  /** A filter on the access log leaves out every second connection. */
  readonly logsHalf?: boolean;
}

export interface FleetOptions extends RedisOptions, EdgeOptions {
  /** Each gate reaches Redis by a wire of its own. */
  readonly redisWires?: boolean;
  /** This Envoy reaches the gates by wires of its own. */
  readonly gateWiresOf?: number;
  /** The Envoys' held streams, and nothing else, reach the gates by wires. */
  readonly holdWires?: boolean;
  readonly garbled?: boolean;
  /** 2 if not given. */
  readonly gates?: number;
  /** One gate, which keeps the leases in its memory. */
  readonly embedded?: boolean;
  /** Of each pod; `SIZE.limit` if not given. */
  readonly limit?: number;
  /** This gate is given the clock of `wrong-clock.ts`. */
  readonly wrongClockAt?: number;
}

export interface FleetSettings extends FleetOptions {
  readonly policy: Policy;
  /** `log` if not given. */
  readonly door?: Door;
  /** The configuration allows twice as many connections as the overrides of all pods. */
  readonly overridden?: boolean;
  /** The pods are those of a service, and the gates choose. */
  readonly placed?: boolean;
  /** Seed of the garbler's choices. */
  readonly seed: number;
  /** Of each gate. */
  readonly env?: Readonly<Record<string, string>>;
}
