/** `npm run profile`: where a gate's processor time goes while it answers Checks, by V8's own sampling profiler. */

import { parseArgs } from 'node:util';
import { parseProxyId } from '../src/admission/ids.ts';
import { h2load } from './bench/h2load.ts';
import { checkBytes, newStream } from './bench/messages.ts';
import { Stand } from './bench/stand.ts';
import { ASKABLE, Inspector } from './fleet/inspector.ts';

const USAGE = `Where a gate's processor time goes while it answers Checks.

  npm run profile -- [--store redis|embedded] [--checks 30000]
`;
const WARM_UP = 15_000;
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

async function main(): Promise<number> {
  const { store, checks } = options();
  if (!['redis', 'embedded'].includes(store) || !Number.isInteger(checks) || checks < 1) return usage();
  const proxy = parseProxyId('proxy_a');
  if (proxy === undefined) throw new Error('proxy_a is a name');
  const stand = new Stand();
  try {
    const redis = store === 'redis' ? { redis: await stand.redis() } : {};
    const { address, gate } = await stand.gate({ ...redis, env: ASKABLE });
    const inspector = await Inspector.of(gate);
    stand.owns(async () => inspector.close());
    const message = checkBytes(newStream('pod0', proxy));
    await h2load(address, message, WARM_UP);
    await inspector.ask('Profiler.enable');
    await inspector.ask('Profiler.start');
    await h2load(address, message, checks);
    const { profile } = await inspector.ask<{ profile: Profile }>('Profiler.stop');
    if (profile === undefined) throw new Error('the profiler has nothing to tell');
    print(profile, checks);
    return 0;
  } finally {
    await stand.stop();
  }
}

function print({ nodes, samples, timeDeltas }: Profile, checks: number): void {
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
  console.log(`${(total / checks).toFixed(0)} µs a Check, of them:\n\n${table(parts, PARTS)}\n`);
  console.log(`wsgate's own functions:\n\n${table(own, FUNCTIONS)}`);
}

function partOf(functionName: string, url: string): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url.startsWith('node:')) return url.includes('http2') ? "Node's HTTP/2" : "Node's other JavaScript";
  const [, dependency] = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (dependency !== undefined) return dependency;
  return url.includes('/src/') ? 'wsgate' : "V8's and Node's native code: sockets, HTTP/2, strings";
}

function options(): { store: string; checks: number } {
  const { values } = parseArgs({
    options: { store: { type: 'string', default: 'redis' }, checks: { type: 'string', default: '30000' } },
  });
  return { store: values.store, checks: Number(values.checks) };
}

function usage(): number {
  console.error(USAGE);
  return 2;
}

process.exitCode = await main();
