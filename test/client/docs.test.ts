/** The example in docs/hub.md, run as it stands there. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, it } from 'vitest';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { type Program, start, until } from '../../lab/fleet/processes.ts';
import { admitted } from '../hub/client.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const DOCS = readFileSync(new URL('../../docs/hub.md', import.meta.url), 'utf8');
const CLIENT = new URL('../../src/client/index.ts', import.meta.url).href;

const folder = lendFolder('client-example');
let gate: TestApp;
let program: Program;
afterEach(async () => {
  program.kill('SIGKILL');
  await program.ended;
  await gate.stop();
  folder.remove();
});

it('the example of the documentation prints a denial', async () => {
  gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
  await admitted(gate, 'pod1');
  const [, example = ''] = /^```ts\n(import .*?)^```$/ms.exec(DOCS) ?? [];
  const file = join(folder.path, 'example.ts');
  writeFileSync(file, example.replace('wsgate/client', CLIENT).replace('http://127.0.0.1:7071', gate.app.http));
  program = await start({ name: 'example', file: process.execPath, args: [file] });
  const subscribed = async () => /^websocket_hub_subscriptions 1$/m.test(await (await gate.get('/metrics')).text());
  await until('it has subscribed', subscribed, 15_000);
  await gate.check(checkOf(newStream(), 'pod1'));
  await until('it prints', () => program.lines().includes('connection.denied pod/pod1'));
});
