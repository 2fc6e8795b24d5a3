/** What a broker promises, held by both; and what the one on Redis does when its Redis dies. */

import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../lab/fleet/processes.ts';
import { RedisCluster } from '../../lab/redis/cluster.ts';
import { type RedisServer, startRedis } from '../../lab/redis/server.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Broker } from '../../src/hub/broker/broker.ts';
import { type CloudEvent, cloudEvent } from '../../src/hub/events/cloud-event.ts';
import { shareInMemory } from '../../src/hub/shared.ts';
import { shareInRedis } from '../../src/hub/shared-in-redis.ts';
import { incident } from './client.ts';

interface Seen {
  readonly broker: Broker;
  readonly live: string[];
  readonly past: string[];
  readonly degraded: (string | undefined)[];
  missed: number;
}

const open: Broker[] = [];
const servers: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((broker) => broker.stop()));
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

async function redis(port?: number): Promise<RedisServer> {
  const server = await startRedis(port === undefined ? {} : { port });
  servers.push(server);
  return server;
}

async function cluster(): Promise<RedisCluster> {
  const nodes = await RedisCluster.start();
  servers.push(nodes);
  return nodes;
}

/** A gate's end of a broker, which keeps what it is told, each event once, as a gate does. */
function listenAt(url: string, historyMax = '1000'): Seen {
  return startListening(brokerAt(url, historyMax));
}

function brokerAt(url: string, historyMax = '1000'): Broker {
  const loaded = loadConfig({ env: { REDIS_URL: url, WSGATE_HUB_HISTORY_MAX: historyMax } });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  const { broker } = url ? shareInRedis(loaded.config) : shareInMemory();
  open.push(broker);
  return broker;
}

function startListening(broker: Broker): Seen {
  const seen: Seen = { broker, live: [], past: [], degraded: [], missed: 0 };
  const known = new Set<string>();
  broker.start({
    event({ id }, json, live) {
      expect(JSON.parse(json)).toMatchObject({ id });
      if (!known.has(id)) (live ? seen.live : seen.past).push(id);
      known.add(id);
    },
    missed() {
      seen.missed += 1;
    },
    degraded: (why) => void seen.degraded.push(why),
  });
  return seen;
}

async function well(...ends: readonly Seen[]): Promise<void> {
  await until('the whole fleet is reached', () =>
    ends.every(({ degraded }) => degraded.length % 2 === 1 && degraded.at(-1) === undefined),
  );
}

function events(count: number): CloudEvent[] {
  return Array.from({ length: count }, () => cloudEvent.parse(incident()));
}

const ids = (all: readonly CloudEvent[]) => all.map(({ id }) => id);

describe.each(['memory', 'redis'] as const)('a broker on %s', (kind) => {
  const start = async () => listenAt(kind === 'redis' ? (await redis()).url : '');

  it('tells its own gate every event, in the order in which they were published', async () => {
    const here = await start();
    await well(here);
    const all = events(500);
    for (const event of all) here.broker.publish([event]);
    await until('all are there', () => here.live.length === 500);
    expect(here.live).toEqual(ids(all));
    expect(here).toMatchObject({ past: [], missed: 0 });
  });

  it('has told everything that was published when it has stopped', async () => {
    const here = await start();
    await well(here);
    const all = events(250);
    here.broker.publish(all);
    await here.broker.stop();
    expect(here.live).toEqual(ids(all));
  });
});

describe.each(['one Redis', 'a Redis Cluster'])('brokers on %s', (where) => {
  it('tell each other, in one order', async () => {
    const { url } = where === 'one Redis' ? await redis() : await cluster();
    const gates = [listenAt(url), listenAt(url), listenAt(url)];
    await well(...gates);
    const sent = gates.map(({ broker }) => {
      const all = events(100);
      for (const event of all) broker.publish([event]);
      return all;
    });
    await until('all are there', () => gates.every(({ live }) => live.length === 300));
    expect(new Set(gates[0]?.live)).toEqual(new Set(sent.flatMap(ids)));
    expect(gates[1]?.live).toEqual(gates[0]?.live);
    expect(gates[2]?.live).toEqual(gates[0]?.live);
  });
});

describe('brokers on one Redis', () => {
  it('publish each event on the channel of its topic, for programs that listen to Redis', async () => {
    const server = await redis();
    const heard: unknown[] = [];
    const listener = server.client.duplicate();
    await listener.subscribe('ws:events:incident');
    listener.on('message', (_channel, text) => heard.push(JSON.parse(text)));
    const gate = listenAt(server.url);
    await well(gate);
    const [event, other] = events(2);
    gate.broker.publish([{ ...event, type: 'pod.filling' } as CloudEvent, other as CloudEvent]);
    await until('it is heard', () => heard.length > 0);
    listener.disconnect();
    expect(heard).toEqual([other]);
  });

  it('a gate that starts has the history, up to its bound', async () => {
    const { url, client } = await redis();
    const first = listenAt(url, '100');
    await well(first);
    const all = events(250);
    for (let sent = 0; sent < 250; sent += 50) {
      first.broker.publish(all.slice(sent, sent + 50));
      await until('all are there', () => first.live.length === sent + 50);
    }
    expect(await client.xlen('ws:events')).toBe(100);
    const second = listenAt(url, '100');
    await well(second);
    expect(second).toMatchObject({ past: ids(all.slice(150)), live: [], missed: 0 });
  });

  it('a gate whose Redis is there before it starts has the history all the same', async () => {
    const { url } = await redis();
    const other = listenAt(url);
    const events = [cloudEvent.parse(incident()), cloudEvent.parse(incident())];
    other.broker.publish(events);
    await until('both are told', () => other.live.length === 2);
    const broker = brokerAt(url);
    // Long enough for its link to come up. It would read the history, and nobody would take it.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const late = startListening(broker);
    await until('it has begun', () => late.degraded.length > 0);
    expect(late.past).toEqual(events.map(({ id }) => id));
  });

  it('that cannot write go on alone, and tell the others later', async () => {
    const { url, client } = await redis();
    const gates = [listenAt(url), listenAt(url)] as const;
    await well(...gates);
    await client.rename('ws:events', 'kept').catch(() => {}); // there is none yet
    await client.set('ws:events', 'not a stream');
    const all = events(3);
    gates[0].broker.publish(all);
    await until('the own gate has them', () => gates[0].live.length === 3);
    expect(gates[0].degraded.at(-1)).toContain('WRONGTYPE');
    expect(gates[1].live).toEqual([]);
    await client.del('ws:events');
    await until('the other has them', () => gates[1].live.length === 3);
    await well(...gates);
    expect(gates.map(({ live }) => live)).toEqual([ids(all), ids(all)]);
  });
});

describe('when Redis dies', () => {
  it('each gate tells its own clients, and the others when it is back', async () => {
    const server = await redis();
    const gates = [listenAt(server.url), listenAt(server.url)] as const;
    await well(...gates);
    const before = events(5);
    gates[0].broker.publish(before);
    await until('all are there', () => gates.every(({ live }) => live.length === 5));
    await server.stop();
    await until('both know', () => gates.every(({ degraded }) => degraded.at(-1) !== undefined));
    const [here, there] = [events(3), events(3)];
    gates[0].broker.publish(here);
    gates[1].broker.publish(there);
    expect(gates[0].live.slice(5)).toEqual(ids(here));
    expect(gates[1].live.slice(5)).toEqual(ids(there));
    await redis(server.port);
    await well(...gates);
    await until('all are everywhere', () => gates.every(({ live }) => live.length === 11));
    for (const { live } of gates) expect(new Set(live)).toEqual(new Set(ids([...before, ...here, ...there])));
  });

  it('a gate that missed publications reads the events, and knows when some are lost', async () => {
    const server = await redis();
    const gate = listenAt(server.url, '100');
    await well(gate);
    const first = events(10);
    gate.broker.publish(first);
    await until('all are there', () => gate.live.length === 10);
    const few = events(50);
    await writeSilently(server, few);
    await until('it has them', () => gate.live.length === 60);
    expect(gate).toMatchObject({ live: ids([...first, ...few]), missed: 0 });
    const many = events(200);
    await writeSilently(server, many);
    await until('it has what is left of them', () => gate.live.length === 160);
    expect(gate.live.slice(60)).toEqual(ids(many.slice(100)));
    expect(gate.missed).toBe(1);
  });

  it('a gate notices a Redis that has come back without its history', async () => {
    const server = await redis();
    const gate = listenAt(server.url);
    await well(gate);
    const all = events(10);
    gate.broker.publish(all);
    await until('all are there', () => gate.live.length === 10);
    await server.client.flushall();
    await until('it notices', () => gate.missed === 1);
    const more = events(10);
    gate.broker.publish(more);
    await until('all are there', () => gate.live.length === 20);
    expect(gate.live).toEqual(ids([...all, ...more]));
    expect(gate.missed).toBe(1);
  });
});

/** At one instant, as a gate does that no other can hear: nothing is published. */
async function writeSilently({ client }: RedisServer, all: readonly CloudEvent[]): Promise<void> {
  let before = String((await client.xrevrange('ws:events', '+', '-', 'COUNT', 1))[0]?.[0]);
  const ms = Number(before.split('-')[0]) + 1;
  const transaction = client.multi();
  all.forEach((event, i) => {
    const id = `${ms}-${i}`;
    transaction.xadd('ws:events', 'MAXLEN', 100, id, 'before', before, 'event', JSON.stringify(event));
    before = id;
  });
  await transaction.exec();
}
