/** What one connection through the hold door costs, from its upgrade to its end, beside a Check of the same gate. */

import { type Benchmark, inRounds, ROUNDS } from './benchmark.ts';
import { type Figure, valuesOf } from './figure.ts';
import { HeldCrowd, newStreams } from './held-crowd.ts';
import { proxyName } from './messages.ts';
import { takeNewLeases } from './new-leases.ts';
import { allAdmitted, type Cost, costDuring, type Server } from './stand.ts';

const PODS = 20;
const HOLDS = { full: 5_000, short: 1_000 };

/** `cpuUs`: of the hold. */
interface Sample extends Cost {
  readonly checkCpuUs: number;
}

export const hold: Benchmark = {
  name: 'hold',
  what: 'the hold door: a stream that asks, is answered, stays open, and ends',
  inShort: true,
  async run({ stand, length, say }) {
    const count = HOLDS[length];
    const gates = { embedded: await stand.gate(), redis: await stand.gate({ redis: await stand.redis() }) };
    const floor = { http2: await stand.program('holding-http2') };
    const found = await inRounds(
      ROUNDS[length],
      { ...floor, ...gates },
      async (server: Server, name): Promise<Sample> => {
        say(`${name}: ${count} holds`);
        const cost = await holdOnce(server, count);
        return { ...cost, checkCpuUs: server.gate ? (await takeNewLeases(server, count, PODS)).cpuUs : cost.cpuUs };
      },
    );
    const of = (name: keyof typeof found): Figure => ({
      name: `Hold, ${name}: CPU`,
      unit: 'µs',
      samples: valuesOf(found[name], 'cpuUs'),
    });
    const besideCheck = (name: keyof typeof gates): Figure => ({
      ...of(name),
      floor: { name: 'a Check for a new lease', samples: valuesOf(found[name], 'checkCpuUs') },
      atMost: { ratio: 1.3 },
    });
    return [of('http2'), besideCheck('embedded'), besideCheck('redis')];
  },
};

/** All are open at the same time. */
async function holdOnce(server: Server, count: number): Promise<Cost> {
  const crowd = await HeldCrowd.at(server.address, count, proxyName(0));
  const streams = newStreams(count, PODS);
  try {
    return await costDuring(server, count, async () => {
      await allAdmitted(server, count, () => crowd.open(streams));
      await crowd.end();
    });
  } finally {
    crowd.close();
  }
}
