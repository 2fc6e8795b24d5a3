/** How the log looks: on a terminal, and elsewhere. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../../lab/fleet/processes.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const CTRL_C = '\x03';
const COLOUR = '\x1b[';

/** Starts a gate, and ends it as soon as it serves. Resolves with what it wrote to stdout. */
async function logOf(where: 'terminal' | 'pipe', env: Record<string, string> = {}): Promise<string> {
  const gate = `${process.execPath} ${MAIN} serve`;
  const [file, ...args] = where === 'terminal' ? ['script', '-qec', gate, '/dev/null'] : ['sh', '-c', `exec ${gate}`];
  const { PATH = '' } = process.env;
  const ports = { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: '127.0.0.1:0' };
  const child = spawn(file, args, {
    env: { PATH, TERM: 'xterm', ...ports, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  let ended = false;
  child.once('close', () => {
    ended = true;
  });
  await until('the gate serves', () => text.includes('serving'), 20_000);
  if (where === 'terminal') child.stdin.write(CTRL_C);
  else child.kill('SIGTERM');
  await until('the gate has ended', () => ended, 20_000);
  return text;
}

const records = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

it('on a terminal it is for people, in colours, to the last line', async () => {
  const text = await logOf('terminal');
  expect(text).toContain(COLOUR);
  const plain = stripVTControlCharacters(text);
  expect(plain).toMatch(/^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\] INFO: serving \{"grpc":"127\.0\.0\.1:\d+",/m);
  expect(plain).toMatch(/INFO: stopped\s*$/);
  expect(plain).not.toContain('"level"');
});

it.each([
  ['NO_COLOR', { NO_COLOR: '1' }],
  ['a terminal without them', { TERM: 'dumb' }],
])('on a terminal it has no colours with %s', async (_why, env) => {
  const text = await logOf('terminal', env);
  expect(text).toContain('INFO: serving');
  expect(text).not.toContain(COLOUR);
});

it('on a terminal it is JSON where log.format says so', async () => {
  const [first] = records((await logOf('terminal', { WSGATE_LOG_FORMAT: 'json' })).replace(/\^C/, ''));
  expect(first).toMatchObject({ level: expect.any(Number), time: expect.any(Number), msg: expect.any(String) });
});

it('elsewhere it is JSON, as pino has it', async () => {
  const lines = records(await logOf('pipe'));
  expect(lines.at(-1)).toEqual({ level: 30, time: expect.any(Number), pid: expect.any(Number), msg: 'stopped' });
});

it('elsewhere it is for people, without colours, where log.format says so', async () => {
  const text = await logOf('pipe', { WSGATE_LOG_FORMAT: 'pretty' });
  expect(text).toMatch(/^\[[-0-9]+ [0-9:.]+\] INFO: stopped$/m);
  expect(text).not.toContain(COLOUR);
});

it('names its levels and tells times as ISO 8601 where it is asked to', async () => {
  const lines = records(await logOf('pipe', { WSGATE_LOG_LEVELS: 'names', WSGATE_LOG_TIMESTAMPS: 'iso' }));
  expect(lines.at(-1)).toMatchObject({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    msg: 'stopped',
  });
});
