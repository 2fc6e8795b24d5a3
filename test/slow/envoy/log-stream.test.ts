/** Log streams that break, again and again: what Envoy has said is not lost, and its connections keep their slots. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendLogTo } from '../../../lab/faults/edge-changes.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { machineNow } from '../../../lab/fleet/machine-time.ts';
import { freePort } from '../../../lab/fleet/processes.ts';
import { type Extremes, passed, rush, watch } from '../../../lab/fleet/watch.ts';
import { Wire } from '../../../lab/fleet/wire.ts';

/** Not in step with the second in which gates write: so each way in which the two can meet comes up. */
const FLUSH_MS = 900;
const TTL_MS = 4 * FLUSH_MS;
const LIMIT = 20;

interface Breaks {
  readonly name: string;
  readonly what: string;
  /** The next break after this moment, in ms since the connections opened. */
  readonly next: (sinceMs: number) => number;
}

const AFTER_ENTRY_MS = 200;
const OFTEN_MS = 150;

const breaks: readonly Breaks[] = [
  {
    name: 'after-entries',
    what: `${AFTER_ENTRY_MS} ms after each periodic entry`,
    next: (sinceMs) => Math.ceil((sinceMs - AFTER_ENTRY_MS + 1) / FLUSH_MS) * FLUSH_MS + AFTER_ENTRY_MS,
  },
  { name: 'often', what: `each ${OFTEN_MS} ms`, next: (sinceMs) => sinceMs + OFTEN_MS },
];

describe('a log stream that breaks', () => {
  let fleet: Fleet;
  const wires: Wire[] = [];
  const seen = new Map<string, Extremes>();

  beforeAll(async () => {
    const grpcPort = await freePort();
    const proxies = breaks.map(({ name }) => name);
    for (const _ of proxies) wires.push(await Wire.to(grpcPort));
    fleet = await Fleet.start({
      store: 'redis',
      proxies,
      pods: proxies, // each Envoy's connections are to a pod of their own
      grpcPort,
      flushIntervalMs: FLUSH_MS,
      workers: 1,
      config: {
        lease: { ttl: `${TTL_MS}ms` },
        store: { deadline: '1s' },
        limits: { default: { connections: LIMIT } },
      },
      mutate: (edge, proxyId) => sendLogTo(edge, wires[proxies.indexOf(proxyId)]?.port ?? 0),
    });
    const openedAtMs = machineNow();
    await Promise.all(proxies.map((pod, proxy) => fleet.open(LIMIT, `/${pod}/`, proxy)));
    const watches = proxies.map((pod) => ({ pod, counts: watch(() => fleet.connections(pod)) }));
    // Those who are refused are in the log, too: so a stream that broke is back with the next of them.
    const crowds = [...proxies.keys(), ...proxies.keys()].map((proxy) => rush(fleet, `/${proxies[proxy]}/`, [proxy]));
    const breaking = breaks.map(({ next }, proxy) => breakAgain(wires[proxy], next, grpcPort, openedAtMs));
    await passed(4 * TTL_MS);
    for (const each of breaking) each.stop();
    await Promise.all(crowds.map((crowd) => crowd.stop()));
    for (const { pod, counts } of watches) seen.set(pod, await counts.stop());
  });
  afterAll(async () => {
    for (const wire of wires) wire.stop();
    await fleet.stop();
  });

  it.each(breaks.map(({ what, name }) => [what, name] as const))(
    '%s costs no living connection its slot',
    (_what, pod) => {
      expect(seen.get(pod)).toEqual({ least: LIMIT, most: LIMIT });
      expect(fleet.pods.find(({ name }) => name === pod)?.connections).toBe(LIMIT);
    },
  );
});

function breakAgain(wire: Wire | undefined, next: Breaks['next'], port: number, startedAtMs: number) {
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    const sinceMs = machineNow() - startedAtMs;
    timer = setTimeout(() => {
      wire?.leadTo(port); // where it led before; its connections break
      wait();
    }, next(sinceMs) - sinceMs);
  };
  wait();
  return { stop: () => clearTimeout(timer) };
}
