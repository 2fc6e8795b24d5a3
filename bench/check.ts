/** What one Check costs, against a gRPC server that does nothing, and one that does not even speak gRPC. */

import { type ProxyId, parseProxyId } from '../src/admission/ids.ts';
import { type Benchmark, ROUNDS, type Trial } from './benchmark.ts';
import type { Figure } from './figure.ts';
import { h2load } from './h2load.ts';
import { checkBytes, newStream } from './messages.ts';
import { takeNewLeases } from './new-leases.ts';
import { residentBytes } from './process-cost.ts';
import { inRounds } from './rounds.ts';
import { allAdmitted, type Cost, costDuring, type Server } from './stand.ts';

const SERVERS = ['http2', 'grpc-js', 'embedded', 'redis'] as const;
type Name = (typeof SERVERS)[number];

const PODS = 20;
const REQUESTS = { full: 12_000, short: 6_000 };
/** New leases of a round; the driver here is slower than h2load. */
const NEW_LEASES = { full: 5_000, short: 2_500 };
const PROXY = parseProxyId('proxy_a') as ProxyId;

export const check: Benchmark = {
  name: 'check',
  what: 'Checks over HTTP/2, as many as can be answered',
  inShort: true,
  async run(trial) {
    const servers = await startServers(trial);
    const again = await checkAgain(trial, servers);
    const anew = await checkAnew(trial, servers);
    return [...figuresOfAgain(again), ...figuresOfAnew(anew)];
  },
};

async function startServers({ stand }: Trial): Promise<Record<Name, Server>> {
  return {
    http2: await stand.program('noop-http2'),
    'grpc-js': await stand.program('noop-grpc'),
    embedded: await stand.gate(),
    redis: await stand.gate({ redis: await stand.redis() }),
  };
}

interface Sample {
  readonly cpuUs: number;
  readonly redisCpuUs: number;
}

function perCheck({ cpuMs, redisCpuMs }: Cost, checks: number): Sample {
  return { cpuUs: (cpuMs * 1000) / checks, redisCpuUs: (redisCpuMs * 1000) / checks };
}

/** h2load has one message: each Check after the first asks for a lease that is held already. */
async function checkAgain(trial: Trial, servers: Record<Name, Server>) {
  const message = checkBytes(newStream('pod0', PROXY));
  const requests = REQUESTS[trial.length];
  return inRounds(ROUNDS[trial.length], SERVERS, async (name) => {
    trial.say(`${name}: ${requests} Checks by h2load`);
    const server = servers[name];
    const cost = await costDuring(server, () =>
      allAdmitted(server, requests, () => h2load(server.address, message, requests)),
    );
    return { ...cost.result, ...perCheck(cost, requests), residentMiB: residentBytes(server.pid) / 2 ** 20 };
  });
}

async function checkAnew(trial: Trial, servers: Record<Name, Server>) {
  const names = ['grpc-js', 'embedded', 'redis'] as const;
  const count = NEW_LEASES[trial.length];
  return inRounds(ROUNDS[trial.length], names, async (name) => {
    trial.say(`${name}: ${count} Checks, each for a new lease`);
    return perCheck(await takeNewLeases(servers[name], count, PODS), count);
  });
}

function figuresOfAgain(found: Awaited<ReturnType<typeof checkAgain>>): Figure[] {
  const of = (name: Name, key: keyof (typeof found)[Name][number] & string) =>
    found[name].map((sample) => Number(sample[key]));
  const floor = (key: Parameters<typeof of>[1]) => ({ name: 'grpc-js', samples: of('grpc-js', key) });
  const http2 = (key: Parameters<typeof of>[1]) => ({ name: 'http2', samples: of('http2', key) });
  const figures: Figure[] = [];
  for (const [key, unit, title] of [
    ['perSecond', '/s', 'answered'],
    ['p50Ms', 'ms', 'p50'],
    ['p99Ms', 'ms', 'p99'],
  ] as const) {
    for (const name of SERVERS) {
      const against = name === 'http2' ? {} : { floor: name === 'grpc-js' ? http2(key) : floor(key) };
      const tail = key === 'p99Ms' ? { isTail: true as const } : {};
      figures.push({ name: `Check, ${name}: ${title}`, unit, samples: of(name, key), ...against, ...tail });
    }
  }
  const cpu = (name: Name) => ({ name: `Check, ${name}: CPU`, unit: 'µs', samples: of(name, 'cpuUs') }) as const;
  return [
    ...figures,
    cpu('http2'),
    { ...cpu('grpc-js'), floor: http2('cpuUs') },
    { ...cpu('embedded'), floor: floor('cpuUs'), atMost: { ratio: 1.15 } },
    { ...cpu('redis'), floor: floor('cpuUs'), atMost: { ratio: 1.35 } },
    {
      name: "Check, redis: Redis's own CPU",
      unit: 'µs',
      samples: of('redis', 'redisCpuUs'),
      floor: { name: "the gate's", samples: of('redis', 'cpuUs') },
      atMost: { ratio: 0.12 },
    },
    ...SERVERS.map((name): Figure => {
      return { name: `Check, ${name}: RSS after`, unit: 'MiB', samples: of(name, 'residentMiB') };
    }),
  ];
}

function figuresOfAnew(found: Awaited<ReturnType<typeof checkAnew>>): Figure[] {
  const cpu = (name: keyof typeof found) => found[name].map(({ cpuUs }) => cpuUs);
  const floor = { name: 'grpc-js', samples: cpu('grpc-js') };
  return [
    { name: 'Check for a new lease, embedded: CPU', unit: 'µs', samples: cpu('embedded'), floor },
    { name: 'Check for a new lease, redis: CPU', unit: 'µs', samples: cpu('redis'), floor },
    {
      name: "Check for a new lease, redis: Redis's own CPU",
      unit: 'µs',
      samples: found.redis.map(({ redisCpuUs }) => redisCpuUs),
      floor: { name: "the gate's", samples: cpu('redis') },
    },
  ];
}
