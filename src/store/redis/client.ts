/** The one place that makes Redis clients. */

import { isIP } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import type { StoreUrl } from '../../config/store-url.ts';

/** PEM texts, for `rediss://`. */
export interface RedisTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Silence after a command for this many deadlines means that the connection is dead, not slow. */
const DEADLINES_TO_RECONNECT = 10;
const CONNECT_MS_MAX = 2000;
const RECONNECT_MS_MAX = 500;

export function createRedis(url: StoreUrl, deadlineMs: number, tls: RedisTls | undefined): Redis {
  const options = {
    ...(url.kind === 'unix' ? { path: url.path } : { host: url.host, port: url.port }),
    ...(url.kind === 'tcp' && url.tls ? { tls: { ...(isIP(url.host) ? {} : { servername: url.host }), ...tls } } : {}),
    ...(url.username === undefined ? {} : { username: url.username }),
    ...(url.password === undefined ? {} : { password: url.password }),
    db: url.database,
    protocol: 2,
    connectionName: 'wsgate',
    connectTimeout: CONNECT_MS_MAX,
    socketTimeout: deadlineMs * DEADLINES_TO_RECONNECT,
    retryStrategy: (times: number) => Math.min(times * 50, RECONNECT_MS_MAX),
    // What the link promises: nothing waits for a connection, and nothing is sent twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  } as const satisfies RedisOptions;
  return new Redis(options);
}
