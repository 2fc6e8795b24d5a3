/**
 * envoyproxy/ratelimit, Go's own answer to the same question, where a binary of it is given: one limit by a counter in
 * Redis. It is not built or fetched here.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lendFolder } from '../lab/fleet/folder.ts';
import { freePort, start, untilReady } from '../lab/fleet/processes.ts';
import { BackwardWriter } from '../src/envoy/backward-writer.ts';
import { framed, GrpcConnection } from './grpc-client.ts';
import type { Server, Stand } from './stand.ts';

export const RATELIMIT_PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';

const DOMAIN = 'wsgate';
const CONFIG = `domain: ${DOMAIN}
descriptors:
  - key: pod
    rate_limit: { unit: hour, requests_per_unit: 4000000000 }
`;
/** The first field of an answer, `overall_code`, and OK. */
const OK = Buffer.from([8, 1]);

/** `RateLimitRequest`: may one more be let in to pod0? */
export function rateLimitBytes(): Buffer {
  const writer = new BackwardWriter(100).begin();
  const entry = () => writer.text(2, 'pod0').text(1, 'pod');
  return writer
    .part(2, () => writer.part(1, entry)) // descriptors.entries
    .text(1, DOMAIN)
    .end();
}

/** Starts that binary on a Redis of its own. Rejects when it does not let a request in. */
export async function startRatelimit(stand: Stand, file: string): Promise<Server> {
  const redis = await stand.redis();
  const folder = lendFolder('ratelimit');
  stand.owns(() => folder.remove());
  mkdirSync(join(folder.path, 'wsgate/config'), { recursive: true });
  writeFileSync(join(folder.path, 'wsgate/config/pods.yaml'), CONFIG);
  const [grpc, http, debug] = [await freePort(), await freePort(), await freePort()];
  const program = await start({
    name: 'ratelimit',
    file,
    args: [],
    env: {
      USE_STATSD: 'false',
      LOG_LEVEL: 'error',
      REDIS_SOCKET_TYPE: 'tcp',
      REDIS_URL: `127.0.0.1:${redis.port}`,
      RUNTIME_ROOT: folder.path,
      RUNTIME_SUBDIRECTORY: 'wsgate',
      RUNTIME_WATCH_ROOT: 'false',
      HOST: '127.0.0.1',
      GRPC_HOST: '127.0.0.1',
      DEBUG_HOST: '127.0.0.1',
      PORT: String(http),
      GRPC_PORT: String(grpc),
      DEBUG_PORT: String(debug),
    },
  });
  stand.owns(() => program.stop());
  const address = `127.0.0.1:${grpc}`;
  await untilReady(program, () => letsIn(address));
  return { address, pid: program.pid, redis };
}

async function letsIn(address: string): Promise<boolean> {
  const connection = await GrpcConnection.to(address, 'bench').catch(() => undefined);
  try {
    const answer = await connection?.unary(RATELIMIT_PATH, framed(rateLimitBytes()));
    return answer?.subarray(0, OK.length).equals(OK) ?? false;
  } catch {
    return false;
  } finally {
    connection?.close();
  }
}
