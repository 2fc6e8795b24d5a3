/** The one place that makes Redis clients: for one Redis, for one that Sentinels name, for a Redis Cluster. */

import { isIP } from 'node:net';
import { Cluster, type CommonRedisOptions, Redis } from 'ioredis';
import type { StoreUrl } from '../config/store-url.ts';

export type RedisClient = Redis | Cluster;

/** PEM texts, for `rediss`. */
export interface RedisTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The account at the Sentinels, which is not that at the Redis. */
export interface SentinelAccount {
  readonly username?: string;
  readonly password?: string;
}

/** Unless `silenceMs` says otherwise: after this many deadlines without an answer, a connection is dead. */
const DEADLINES_TO_RECONNECT = 10;
const CONNECT_MS_MAX = 2000;
const RECONNECT_MS_MAX = 500;
/** A node of a cluster that does not tell the slots within this time is passed over: it may be the one that hangs. */
const SLOTS_MS_MAX = 500;
/** How often, within its deadline, a command may be sent to another node or wait for a slot that moves. */
const REDIRECTIONS_MAX = 6;

/** What one connection of a gate may have that the others do not. */
export interface ClientOptions {
  /** As `CLIENT LIST` shows it. */
  readonly name?: string;
  /** After so long without an answer to anything the connection is dead, not slow. */
  readonly silenceMs?: number;
}

const reconnectMs = (times: number) => Math.min(times * 50, RECONNECT_MS_MAX);

export function createRedis(
  url: StoreUrl,
  deadlineMs: number,
  tls: RedisTls = {},
  sentinel: SentinelAccount = {},
  { name = 'wsgate', silenceMs = deadlineMs * DEADLINES_TO_RECONNECT }: ClientOptions = {},
): RedisClient {
  const common = {
    ...(url.username === undefined ? {} : { username: url.username }),
    ...(url.password === undefined ? {} : { password: url.password }),
    protocol: 2,
    connectionName: name,
    disableClientInfo: true, // one command less that an ACL has to allow
    connectTimeout: CONNECT_MS_MAX,
    disconnectTimeout: deadlineMs,
    socketTimeout: silenceMs,
    // Nothing is sent twice, as the link promises.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  } as const satisfies CommonRedisOptions & { disconnectTimeout: number };
  // Nothing waits for a connection, as the link promises.
  const single = { ...common, retryStrategy: reconnectMs, enableOfflineQueue: false };
  // ioredis would use no server that refuses INFO. Whether it is loading or a replica, the link finds out.
  const unchecked = { enableReadyCheck: false };

  switch (url.kind) {
    case 'unix':
      return quiet(new Redis({ ...single, ...unchecked, path: url.path, db: url.database }));
    case 'tcp': {
      const { host, port, database: db } = url;
      const redis = new Redis({
        ...single,
        ...unchecked,
        ...(url.tls ? { tls: { ...(isIP(host) ? {} : { servername: host }), ...tls } } : {}),
        ...{ host, port, db },
      });
      return quiet(redis);
    }
    case 'sentinel': {
      const redis = new Redis({
        ...single,
        ...(url.tls ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
        ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
        ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
        sentinels: [...url.hosts],
        name: url.master,
        db: url.database,
        // When a Sentinel names a new master, ioredis goes there, even if the old one still answers.
        failoverDetector: true,
        sentinelCommandTimeout: CONNECT_MS_MAX,
        sentinelRetryStrategy: reconnectMs,
        sentinelReconnectStrategy: () => CONNECT_MS_MAX,
      });
      return quiet(redis);
    }
    case 'cluster': {
      const cluster = new Cluster([...url.hosts], {
        ...unchecked,
        redisOptions: { ...common, ...unchecked, ...(url.tls ? { tls } : {}) },
        clusterRetryStrategy: reconnectMs,
        slotsRefreshTimeout: SLOTS_MS_MAX,
        // Commands may wait for a node that is new: until their deadline, or until the node cannot be reached.
        enableOfflineQueue: true,
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
        maxRedirections: REDIRECTIONS_MAX,
        retryDelayOnTryAgain: deadlineMs / (REDIRECTIONS_MAX + 2),
        // No look-up: certificates are for names, not for addresses.
        ...(url.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
      });
      return cluster.on('+node', (node: Redis) => quietAsking(quiet(node)));
    }
  }
}

/** A socket that is closed during a TLS handshake may emit two errors. ioredis listens to one; this to the other. */
function quiet(redis: Redis): Redis {
  const disconnect = redis.disconnect.bind(redis);
  redis.disconnect = (reconnect) => {
    redis.stream?.on('error', () => {});
    disconnect(reconnect);
  };
  return redis;
}

/** ioredis sends ASKING before a command and ignores its answer: an error there would end the whole process. */
function quietAsking(redis: Redis): void {
  const asking = redis.asking.bind(redis);
  redis.asking = () => {
    const answer = asking();
    answer.catch(() => {}); // the command after it fails, too, and is heard
    return answer;
  };
}
