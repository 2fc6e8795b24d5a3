/** What a fault needs its fleet to be like. */

import type { RedisOptions } from './redis-pair.ts';

export type Policy = 'deny' | 'allow' | 'share';

export interface FleetOptions extends RedisOptions {
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
  /** Of what the garbler does. */
  readonly seed: number;
  /** `SIZE.limit` if not given. */
  readonly limit?: number;
  /** Of each gate. */
  readonly env?: Readonly<Record<string, string>>;
}
