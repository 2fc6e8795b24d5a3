/** Why a gate ends a client's connection: WebSocket close codes (RFC 6455, 7.4). No module of Node's: clients import it. */

export interface CloseReason {
  readonly code: number;
  readonly reason: string;
}

export const closeReasons = {
  /** The gate stops. Come back, after `retry_after_ms` of the `closing` message. */
  stopping: { code: 1012, reason: 'the gate stops' },
  /** The queue was full: it reads more slowly than events come. */
  tooSlow: { code: 4001, reason: 'too slow' },
  /** Neither a message nor a pong for the session timeout. */
  silent: { code: 4002, reason: 'silent' },
  /** More messages a second than allowed. */
  tooManyMessages: { code: 4003, reason: 'too many messages' },
} as const satisfies Record<string, CloseReason>;
