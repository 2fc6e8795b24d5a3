/**
 * Envoys whose access log does not speak of every live connection again and again: because a line of their configuration
 * is missing, or a filter leaves entries out. What they do not say is no sign that a connection has ended.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Document } from 'yaml';
import { type Client, closeAll } from '../../../lab/fleet/clients.ts';
import { addListener, HTTP_MANAGER } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { machineNow } from '../../../lab/fleet/machine-time.ts';
import { until } from '../../../lab/fleet/processes.ts';
import { type Extremes, passed, watch } from '../../../lab/fleet/watch.ts';

const TTL_MS = 3_000;
/** As many of it as in the shipped files: one quarter of a ttl. */
const FLUSH_MS = TTL_MS / 4;
/** Two flush intervals, and the second in which a gate looks. */
const NAMED_WITHIN_MS = 2 * FLUSH_MS + 2_000;

type Place = readonly (string | number)[];
const KEY = 'access_log_flush_interval';
const flushInterval = (manager: Place) => [...manager, 'access_log_options', KEY];

describe('three Envoys without a flush interval', () => {
  const proxies = ['proxy_a', 'proxy_b', 'proxy_c'];
  const limit = 20;
  let fleet: Fleet;
  let opened: Client[];
  let seen: Extremes;
  /** Until the gate had said which line is missing. */
  let namedAfterMs: number | undefined;

  beforeAll(async () => {
    const config = {
      lease: { ttl: `${TTL_MS}ms` },
      store: { deadline: '1s' },
      limits: { default: { connections: limit } },
    };
    const mutate = (edge: Document) => void edge.deleteIn(flushInterval(HTTP_MANAGER));
    fleet = await Fleet.start({ store: 'redis', proxies, config, workers: 1, mutate });
    const openedAtMs = machineNow();
    const outcomes = await Promise.all([7, 7, 6].map((count, proxy) => fleet.open(count, '/pod1/', proxy)));
    opened = outcomes.flatMap((outcome) => outcome.opened);
    const counts = watch(() => fleet.connections());
    const isNamed = () => proxies.every((proxy) => complaints().some((line) => line.includes(proxy)));
    const named = until(`the gate names ${KEY}`, isNamed, NAMED_WITHIN_MS).then(
      () => machineNow() - openedAtMs,
      () => undefined,
    );
    await passed(3 * TTL_MS);
    namedAfterMs = await named;
    seen = await counts.stop();
  });
  afterAll(() => fleet.stop());

  /** What the gate has complained about, of that line. */
  function complaints(): string[] {
    const lines = fleet.gate.logs().filter(({ level }) => Number(level) >= 40);
    return lines.map((line) => JSON.stringify(line)).filter((line) => line.includes(KEY));
  }

  it('keep every slot for as long as its connection lives', async () => {
    expect(opened).toHaveLength(limit);
    expect(seen).toEqual({ least: limit, most: limit });
    const outcomes = await Promise.all(proxies.map((_, proxy) => fleet.open(1, '/pod1/', proxy)));
    expect(outcomes.flatMap(({ refused }) => refused.map(({ status }) => status))).toEqual([429, 429, 429]);
    expect(fleet.pod.connections).toBe(limit);
  });

  it('have the gate name them, and the line that is missing, within two flush intervals', () => {
    expect(namedAfterMs).toBeLessThan(NAMED_WITHIN_MS);
  });

  it('are named by /readyz, which says that the gate can serve all the same', async () => {
    const answer = await fetch(`http://127.0.0.1:${fleet.gate.httpPort}/readyz`);
    const { checks } = (await answer.json()) as { checks: { proxies: unknown } };
    expect(answer.status).toBe(200);
    const told = JSON.stringify(checks.proxies);
    for (const word of [...proxies, KEY]) expect(told).toContain(word);
  });

  it('are counted by a metric; that a silence was wrongly believed is counted by another, and has not happened', async () => {
    const metrics = await fleet.gate.metrics('/metrics');
    expect(metrics.wsgate_proxies_unrenewed).toBe(3);
    expect(metrics.wsgate_silence_contradicted_total).toBe(0);
  });

  it('have each slot freed within a second of its connection’s end', async () => {
    for (const [index, client] of opened.entries()) {
      await closeAll([client]);
      await fleet.settlesAt(limit - index - 1);
    }
  });
});

interface Variant {
  readonly name: string;
  readonly what: string;
  readonly change: (config: Document) => void;
  /** The paths and listeners by which half of the connections come; the other half by those of edge.yaml. */
  readonly path?: string;
  readonly listener?: string;
}

const LOG = [...HTTP_MANAGER, 'access_log', 0];
const FILTERS = [...LOG, 'filter', 'and_filter', 'filters'];
const SECOND = 'second';

/** One more condition for an entry to be sent. */
function filtered(filter: object): (config: Document) => void {
  return (config) => config.addIn(FILTERS, config.createNode(filter));
}

const variants: readonly Variant[] = [
  {
    name: 'half-filtered',
    what: 'a filter leaves out half of the connections',
    change: filtered({
      header_filter: { header: { name: ':path', string_match: { suffix: 'quiet' }, invert_match: true } },
    }),
    path: 'quiet',
  },
  {
    name: 'errors-only',
    what: 'a filter wants a status of 400 or more',
    change: filtered({
      status_code_filter: { comparison: { op: 'GE', value: { default_value: 400, runtime_key: 'none' } } },
    }),
  },
  {
    name: 'ends-only',
    what: 'a filter lets only ends through',
    change: filtered({ log_type_filter: { types: ['DownstreamEnd'] } }),
  },
  {
    name: 'unlogged-listener',
    what: 'one of two listeners has no log',
    change: (config) => void config.deleteIn([...addListener(config, SECOND), 'access_log']),
    listener: SECOND,
  },
  {
    name: 'unflushed-listener',
    what: 'one of two listeners has no flush interval',
    change: (config) => void config.deleteIn(flushInterval(addListener(config, SECOND))),
    listener: SECOND,
  },
  {
    name: 'sampled',
    what: 'a filter drops every other entry, at random',
    change: filtered({
      runtime_filter: {
        runtime_key: 'none',
        percent_sampled: { numerator: 50, denominator: 'HUNDRED' },
        use_independent_randomness: true,
      },
    }),
  },
];

describe('an Envoy of which', () => {
  const limit = 10;
  const proxies = variants.map(({ name }) => name);
  let fleet: Fleet;
  const seen = new Map<string, Extremes>();

  beforeAll(async () => {
    const config = {
      lease: { ttl: `${TTL_MS}ms` },
      store: { deadline: '1s' },
      limits: { default: { connections: limit } },
    };
    fleet = await Fleet.start({
      store: 'redis',
      proxies,
      pods: proxies, // each Envoy's connections are to a pod of their own
      config,
      flushIntervalMs: FLUSH_MS,
      workers: 1,
      mutate: (edge, proxyId) => variants.find(({ name }) => name === proxyId)?.change(edge),
    });
    await Promise.all(
      variants.map(async ({ name, path = '', listener = 'edge' }, proxy) => {
        await fleet.open(limit / 2, `/${name}/`, proxy);
        await fleet.open(limit / 2, `/${name}/${path}`, proxy, { listener });
        await fleet.open(1, `/${name}/`, proxy); // its 429 is in each log: every one of them has something to say
      }),
    );
    const watches = proxies.map((pod) => ({ pod, counts: watch(() => fleet.connections(pod)) }));
    await passed(4 * TTL_MS);
    for (const { pod, counts } of watches) seen.set(pod, await counts.stop());
  });
  afterAll(() => fleet.stop());

  const named = variants.map(({ what, name }) => [what, name] as const);
  it.each(named)('%s keeps every slot for as long as its connection lives', async (_what, name) => {
    const proxy = proxies.indexOf(name);
    expect(seen.get(name)).toEqual({ least: limit, most: limit });
    const { refused } = await fleet.open(3, `/${name}/`, proxy);
    expect(refused.map(({ status }) => status)).toEqual([429, 429, 429]);
    expect(fleet.pods[proxy]?.connections).toBe(limit);
  });
});
