/** What the hub serves at one address. */

import type { WebSocket } from 'ws';
import type { Clients } from './clients.ts';
import type { Delivery } from './history.ts';

export interface Feed {
  readonly name: 'events' | 'metrics' | 'console';
  /** Of one message from a client; a longer one ends its connection (1009). */
  readonly messageBytesMax: number;
  readonly clients: Clients;
  /** `gone` is to be called once, when the client has left. */
  accept(socket: WebSocket, gone: () => void): void;
  /** An event that is new to this gate. */
  event(delivery: Delivery): void;
  missed(): void;
  degraded(why: string | undefined): void;
  start(): void;
  stop(): Promise<void>;
}
