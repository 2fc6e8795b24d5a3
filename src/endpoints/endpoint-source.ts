/** Where the endpoints of one service come from, and go on coming from while the gate runs. */

import type { Endpoint } from '../admission/services.ts';

export interface EndpointSource {
  start(): void;
  stop(): void;
}

export interface EndpointListener {
  /** These are all of them now. */
  endpoints(endpoints: readonly Endpoint[]): void;
  /** They cannot be read, and why: those from before stay. */
  unread(why: string): void;
}
