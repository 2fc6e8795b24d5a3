/** What the hub serves at one address. */

import type { WebSocket } from 'ws';
import type { Scope } from '../../access.ts';
import type { Delivery } from './event-history.ts';
import type { FeedClients } from './feed-clients.ts';

export interface Feed {
  readonly name: 'events' | 'metrics' | 'console';
  /** What a client's token has to be good for. */
  readonly scope: Scope;
  /** Of one message from a client; a longer one ends its connection (1009). */
  readonly messageBytesMax: number;
  readonly clients: FeedClients;
  /** `gone` is called once, when the client has left. */
  accept(socket: WebSocket, gone: () => void): void;
  /** An event that is new to this gate. */
  event?(delivery: Delivery): void;
  /** Events of other gates are lost. */
  missed?(): void;
  /** With a reason: from now on only events of this gate come. */
  degraded?(why: string | undefined): void;
}
