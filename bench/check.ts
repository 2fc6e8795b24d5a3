/** What one Check costs, against a gRPC server that does nothing, and one that does not even speak gRPC. */

import { type Benchmark, inRounds, ROUNDS } from './benchmark.ts';
import { type Figure, valuesOf } from './figure.ts';
import { CHECK_PATH } from './grpc-client.ts';
import { h2load } from './h2load.ts';
import { checkBytes, newStream } from './messages.ts';
import { takeNewLeases } from './new-leases.ts';
import { residentBytes } from './process-cost.ts';
import { RATELIMIT_PATH, rateLimitBytes, startRatelimit } from './ratelimit.ts';
import { allAdmitted, type Cost, costDuring, type Server } from './stand.ts';

const SERVERS = ['http2', 'grpc-js', 'embedded', 'redis'] as const;
type Name = (typeof SERVERS)[number];

/** The path of a binary of envoyproxy/ratelimit, which the same rounds then measure, too. */
const { WSGATE_BENCH_RATELIMIT } = process.env;

const PODS = 20;
const REQUESTS = { full: 12_000, short: 6_000 };
/** New leases of a round; the driver here is slower than h2load. */
const NEW_LEASES = { full: 5_000, short: 2_500 };

interface Sample extends Cost {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly residentMiB: number;
}

export const check: Benchmark = {
  name: 'check',
  what: 'Checks over HTTP/2, as many as can be answered',
  inShort: true,
  async run({ stand, length, say }) {
    const servers = {
      http2: await stand.program('noop-http2'),
      'grpc-js': await stand.program('noop-grpc'),
      embedded: await stand.gate(),
      redis: await stand.gate({ redis: await stand.redis() }),
    };
    const idle = (['embedded', 'redis'] as const).map((name): Figure => {
      const residentMiB = residentBytes(servers[name].pid) / 2 ** 20;
      return { name: `Check, ${name}: RSS before`, unit: 'MiB', samples: [residentMiB] };
    });
    // h2load has one message: each Check after the first asks for a lease that is held already.
    const message = checkBytes(newStream());
    const requests = REQUESTS[length];
    const measure = async (server: Server, name: Name | 'ratelimit'): Promise<Sample> => {
      say(`${name}: ${requests} Checks by h2load`);
      const [body, path] = name === 'ratelimit' ? [rateLimitBytes(), RATELIMIT_PATH] : [message, CHECK_PATH];
      const load = () => allAdmitted(server, requests, () => h2load(server.address, body, requests, path));
      const { result, ...cost } = await costDuring(server, requests, load);
      return { ...result, ...cost, residentMiB: residentBytes(server.pid) / 2 ** 20 };
    };
    const ratelimit = WSGATE_BENCH_RATELIMIT && (await startRatelimit(stand, WSGATE_BENCH_RATELIMIT));
    const again = ratelimit
      ? await inRounds(ROUNDS[length], { ...servers, ratelimit }, measure)
      : { ...(await inRounds<Name, Server, Sample>(ROUNDS[length], servers, measure)), ratelimit: [] };
    const leases = NEW_LEASES[length];
    const { http2: _, ...takers } = servers;
    const anew = await inRounds(ROUNDS[length], takers, (server: Server, name) => {
      say(`${name}: ${leases} Checks, each for a new lease`);
      return takeNewLeases(server, leases, PODS);
    });
    return [...idle, ...figuresOfAgain(again), ...figuresBeside(again), ...figuresOfAnew(anew)];
  },
};

function figuresOfAgain(found: Record<Name, Sample[]>): Figure[] {
  const floor = (name: Name, key: keyof Sample) => {
    if (name === 'http2') return {};
    const against = name === 'grpc-js' ? 'http2' : 'grpc-js';
    return { floor: { name: against, samples: valuesOf(found[against], key) } };
  };
  const each = (title: string, unit: Figure['unit'], key: keyof Sample, more: Partial<Figure> = {}) =>
    SERVERS.map((name): Figure => {
      const samples = valuesOf(found[name], key);
      return { name: `Check, ${name}: ${title}`, unit, samples, ...floor(name, key), ...more };
    });
  const [http2, grpcJs, embedded, redis] = each('CPU', 'µs', 'cpuUs') as [Figure, Figure, Figure, Figure];
  return [
    ...each('answered', '/s', 'perSecond'),
    ...each('p50', 'ms', 'p50Ms'),
    ...each('p99', 'ms', 'p99Ms', { isTail: true }),
    http2,
    grpcJs,
    { ...embedded, atMost: { ratio: 0.6 } },
    { ...redis, atMost: { ratio: 0.65 } },
    {
      name: 'Check, embedded: CPU beside node:http2',
      unit: 'µs',
      samples: embedded.samples,
      floor: { name: 'http2', samples: http2.samples },
      atMost: { ratio: 1.3 },
    },
    {
      name: "Check, redis: Redis's own CPU",
      unit: 'µs',
      samples: valuesOf(found.redis, 'redisCpuUs'),
      floor: { name: "the gate's", samples: redis.samples },
      atMost: { ratio: 0.12 },
    },
    ...SERVERS.map((name): Figure => {
      return { name: `Check, ${name}: RSS after`, unit: 'MiB', samples: valuesOf(found[name], 'residentMiB') };
    }),
  ];
}

/** Nothing, unless a binary was given. */
function figuresBeside({ redis, ratelimit }: Record<'redis' | 'ratelimit', Sample[]>): Figure[] {
  if (ratelimit.length === 0) return [];
  const beside = (title: string, unit: Figure['unit'], key: keyof Sample, ratio?: number): Figure => ({
    name: `Check, redis: ${title} beside envoyproxy/ratelimit`,
    unit,
    samples: valuesOf(redis, key),
    floor: { name: 'ratelimit', samples: valuesOf(ratelimit, key) },
    ...(ratio === undefined ? {} : { atMost: { ratio } }),
  });
  return [
    beside('CPU', 'µs', 'cpuUs', 0.7),
    beside("Redis's own CPU", 'µs', 'redisCpuUs', 0.6),
    beside('answered', '/s', 'perSecond'),
    beside('RSS after', 'MiB', 'residentMiB'),
  ];
}

function figuresOfAnew(found: Record<'grpc-js' | 'embedded' | 'redis', Cost[]>): Figure[] {
  const title = 'Check for a new lease';
  const [embedded, redis] = [valuesOf(found.embedded, 'cpuUs'), valuesOf(found.redis, 'cpuUs')];
  const floor = { name: 'grpc-js', samples: valuesOf(found['grpc-js'], 'cpuUs') };
  const ofRedis = { samples: valuesOf(found.redis, 'redisCpuUs'), floor: { name: "the gate's", samples: redis } };
  return [
    { name: `${title}, embedded: CPU`, unit: 'µs', samples: embedded, floor },
    { name: `${title}, redis: CPU`, unit: 'µs', samples: redis, floor },
    { name: `${title}, redis: Redis's own CPU`, unit: 'µs', ...ofRedis },
  ];
}
