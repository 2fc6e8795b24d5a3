/** Puts the hub together, by the configuration. */

import type { Config } from '../config/schema.ts';
import { Hub, type HubParts } from './hub.ts';

/** How often, in the time that the console's clients have for a pong, those that are silent are looked for. */
const CLEANUPS_PER_PONG = 10;

/** `gate`: this gate's name. */
export function openHub(config: Config, gate: string, parts: HubParts): Hub {
  const { hub } = config;
  const feed = { ...hub, pingMs: hub.ping, timeoutMs: hub.sessionTimeout, cleanupMs: hub.cleanup };
  return new Hub(parts, {
    ...hub,
    gate,
    ticketMs: hub.ticket,
    events: feed,
    metrics: { ...feed, everyMs: hub.metrics.every },
    console: {
      ...feed,
      whenFull: 'drop',
      everyMs: hub.console.every,
      pingMs: hub.console.ping,
      timeoutMs: hub.console.pong,
      cleanupMs: Math.ceil(hub.console.pong / CLEANUPS_PER_PONG),
      queueMax: hub.console.queueMax,
      messageBytesMax: hub.console.messageBytesMax,
    },
    snapshots: { ttlMs: hub.metrics.ttl, fillingPercent: hub.fillingPercent },
  });
}
