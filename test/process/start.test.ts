/** What a gate loads when it starts, and what it keeps for its next start. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { type Program, start, until } from '../../lab/fleet/processes.ts';
import { YOUNG_GENERATION_FLAG } from '../../src/young-generation.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Names each file of a package that is loaded. */
const PRELOAD = `
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    if (url.includes('/node_modules/')) console.log('loaded', url.split('/node_modules/').at(-1));
    return next(url, context);
  },
});`;

async function serving(env: Record<string, string>, ...flags: string[]): Promise<Program> {
  const free = { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: '127.0.0.1:0' };
  const args = [YOUNG_GENERATION_FLAG, ...flags, MAIN, 'serve'];
  const program = await start({ name: 'gate', file: process.execPath, args, env: { ...free, ...env } });
  onTestFinished(() => program.stop());
  await until('the gate serves', () => program.lines().some((line) => line.includes('"serving"')), 20_000);
  return program;
}

it('a gate without Redis or Kubernetes loads no client of them, and none loads a second library of schemas', async () => {
  const { lines } = await serving({}, '--import', `data:text/javascript,${encodeURIComponent(PRELOAD)}`);
  const loaded = lines().filter((line) => line.startsWith('loaded '));
  expect(loaded.filter((line) => line.includes(' fastify/'))).not.toEqual([]);
  expect(loaded.filter((line) => / (ioredis|@kubernetes|ajv)\//.test(line))).toEqual([]);
});

it('a gate keeps what V8 has compiled in the home of its user', async () => {
  const home = lendFolder('home');
  onTestFinished(home.remove);
  const gate = await serving({ HOME: home.path, NODE_COMPILE_CACHE: '' });
  await gate.stop();
  expect(readdirSync(join(home.path, '.cache/wsgate'))).toHaveLength(1);
});

it.each(['/dev/null', '/proc/absent'])('a gate starts with a home of %s, where it can keep nothing', async (HOME) => {
  const gate = await serving({ HOME, NODE_COMPILE_CACHE: '' });
  expect(gate.lines().filter((line) => !line.startsWith('{'))).toEqual([]);
});
