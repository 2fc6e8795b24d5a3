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

/** Whom to be to the Sentinels. */
export interface SentinelAccount {
  readonly username?: string;
  readonly password?: string;
}

/** Where nothing else is said, silence for so many deadlines means that a connection is dead. */
const DEADLINES_TO_RECONNECT = 10;
const CONNECT_MS_MAX = 2000;
const RECONNECT_MS_MAX = 500;
/** A command goes to another node, or waits for a slot on the move, at most so often within its deadline. */
const REDIRECTIONS_MAX = 6;

/** What sets one connection apart from the others of a gate. */
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
    // What the link promises: nothing is sent twice.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  } as const satisfies CommonRedisOptions & { disconnectTimeout: number };
  // And nothing waits for a connection.
  const single = { ...common, retryStrategy: reconnectMs, enableOfflineQueue: false };

  switch (url.kind) {
    case 'unix':
      return quiet(new Redis({ ...single, path: url.path, db: url.database }));
    case 'tcp': {
      const { host, port, database: db } = url;
      const redis = new Redis({
        ...single,
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
        // A Sentinel's word that there is a new master is acted on while the old one still answers.
        failoverDetector: true,
        sentinelCommandTimeout: CONNECT_MS_MAX,
        sentinelRetryStrategy: reconnectMs,
        sentinelReconnectStrategy: () => CONNECT_MS_MAX,
      });
      return quiet(redis);
    }
    case 'cluster': {
      const cluster = new Cluster([...url.hosts], {
        redisOptions: { ...common, ...(url.tls ? { tls } : {}) },
        clusterRetryStrategy: reconnectMs,
        slotsRefreshTimeout: CONNECT_MS_MAX,
        // The deadline ends the wait for a node that is new. A node that cannot be reached fails what waits for it.
        enableOfflineQueue: true,
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
        maxRedirections: REDIRECTIONS_MAX,
        retryDelayOnTryAgain: deadlineMs / (REDIRECTIONS_MAX + 2),
        // A certificate is for a name.
        ...(url.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
      });
      return cluster.on('+node', (node: Redis) => quietAsking(quiet(node)));
    }
  }
}

/** A socket that is let go in the middle of a TLS handshake may have two errors to tell, and ioredis hears one. */
function quiet(redis: Redis): Redis {
  const disconnect = redis.disconnect.bind(redis);
  redis.disconnect = (reconnect) => {
    redis.stream?.on('error', () => {});
    disconnect(reconnect);
  };
  return redis;
}

/** ioredis sends ASKING ahead of a command and forgets its answer: a broken connection would end the whole process. */
function quietAsking(redis: Redis): void {
  const asking = redis.asking.bind(redis);
  redis.asking = () => {
    const answer = asking();
    answer.catch(() => {}); // the command behind it says what is wrong
    return answer;
  };
}
