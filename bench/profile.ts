/** `npm run profile`: where a gate's processor time goes, by V8's own sampling profiler. */

import { command, namesIn, parse, wholeNumber } from '../lab/command.ts';
import { ASKABLE, Inspector } from '../lab/fleet/inspector.ts';
import { members, untilRead } from './crowd.ts';
import { h2load } from './h2load.ts';
import { HeldCrowd, newStreams } from './held-crowd.ts';
import { checkBytes, newStream, proxyName } from './messages.ts';
import { type GateServer, Stand } from './stand.ts';

const USAGE = `Where a gate's processor time goes while it answers Checks, reads the access log of open connections, or holds
connections, from their upgrade to their end.

  npm run profile -- [--of checks|entries|holds] [--store redis|embedded] [--count 30000]
`;
const CONNECTIONS = { connections: 10_000, pods: 100, proxies: 4 };
/** As many as the ledger renews one by one: with more, a connection would speak twice in a second. */
const ENTRIES_PER_SECOND = 9_500;
/** At once. */
const HELD = 5_000;
const PARTS = 8;
const FUNCTIONS = 12;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  /** The node that was found at work at each sample. */
  readonly samples: readonly number[];
  /** Microseconds before each. */
  readonly timeDeltas: readonly number[];
}

async function main(args: string[]): Promise<number> {
  const { of, store, ...given } = parse(args, {
    of: { type: 'string', default: 'checks' },
    store: { type: 'string', default: 'redis' },
    count: { type: 'string', default: '30000' },
  });
  const count = wholeNumber('--count', given.count, 1);
  namesIn('--of', of, ['checks', 'entries', 'holds']);
  namesIn('--store', store, ['redis', 'embedded']);
  return Stand.during(async (stand) => {
    const redis = store === 'redis' ? { redis: await stand.redis() } : {};
    const server = await stand.gate({ ...redis, isLasting: true, env: ASKABLE });
    const inspector = await Inspector.of(server.gate);
    stand.owns(() => inspector.close());
    const ask = await workOf(of, stand, server);
    await ask(count); // V8 has compiled it by then
    await inspector.ask('Profiler.enable');
    await inspector.ask('Profiler.start');
    await ask(count);
    const { profile } = await inspector.ask<{ profile: Profile }>('Profiler.stop');
    if (profile === undefined) throw new Error('the profiler has nothing to tell');
    tell(profile, of, count);
    return 0;
  });
}

/** Makes the gate do its work so many times. */
type Ask = (count: number) => Promise<unknown>;

function workOf(of: string, stand: Stand, server: GateServer): Ask | Promise<Ask> {
  if (of === 'entries') return entriesOf(stand, server);
  return of === 'holds' ? holdsOf(stand, server) : checksOf(server);
}

function checksOf({ address }: GateServer): Ask {
  const message = checkBytes(newStream());
  return (count) => h2load(address, message, count);
}

async function entriesOf(stand: Stand, server: GateServer): Promise<Ask> {
  const crowd = await stand.crowd(server, members(CONNECTIONS));
  const forMs = (count: number) => (count * 1000) / ENTRIES_PER_SECOND;
  return (count) => untilRead(server.gate, crowd, () => crowd.speakAt(ENTRIES_PER_SECOND, forMs(count)));
}

async function holdsOf(stand: Stand, { address }: GateServer): Promise<Ask> {
  const crowd = await HeldCrowd.at(address, HELD, proxyName(0));
  stand.owns(() => crowd.close());
  return async (count) => {
    for (let held = 0; held < count; held += HELD) {
      await crowd.open(newStreams(Math.min(HELD, count - held), CONNECTIONS.pods));
      await crowd.end();
    }
  };
}

function tell({ nodes, samples, timeDeltas }: Profile, of: string, count: number): void {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parts = new Map<string, number>();
  const own = new Map<string, number>();
  samples.forEach((id, i) => {
    const { functionName, url } = frames.get(id) ?? { functionName: '', url: '' };
    if (functionName === '(idle)') return;
    const us = timeDeltas[i] ?? 0;
    const part = partOf(functionName, url);
    parts.set(part, (parts.get(part) ?? 0) + us);
    if (part !== 'wsgate') return;
    const name = `${functionName || '(anonymous)'}, ${url.replace(/^.*\/src\//, '')}`;
    own.set(name, (own.get(name) ?? 0) + us);
  });
  const total = parts.values().reduce((sum, us) => sum + us, 0);
  const table = (rows: ReadonlyMap<string, number>, count: number) => {
    const sorted = [...rows].sort(([, a], [, b]) => b - a).slice(0, count);
    return sorted.map(([name, us]) => `${`${((us / total) * 100).toFixed(1)} %`.padStart(7)}  ${name}`).join('\n');
  };
  console.log(`${(total / count).toFixed(0)} µs for each of ${count} ${of}:\n\n${table(parts, PARTS)}\n`);
  console.log(`wsgate's own functions:\n\n${table(own, FUNCTIONS)}`);
}

function partOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url.startsWith('node:')) return url.includes('http2') ? "Node's HTTP/2" : "Node's other JavaScript";
  const [, dependency] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (dependency !== undefined) return dependency;
  return url.includes('/src/') ? 'wsgate' : "V8's and Node's native code: sockets, HTTP/2, strings";
}

await command(USAGE, main);
