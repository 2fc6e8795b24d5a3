/** The unit for systemd: as systemd itself reads it, and with the program that it starts. */

import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { bareEnv, freePort, start, until } from '../../lab/fleet/processes.ts';
import { EXIT_CONFIG, EXIT_USAGE } from '../../src/commands/command.ts';
import { loadConfig } from '../../src/config/load.ts';
import { openFilesNeeded } from '../../src/open-files.ts';

const exec = promisify(execFile);
const PROGRAM = '/usr/local/bin/wsgate';
const CONFIG = '/etc/wsgate/wsgate.yaml';
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const text = readFileSync(new URL('../../deploy/systemd/wsgate.service', import.meta.url), 'utf8');

const folder = lendFolder('systemd');
afterAll(() => folder.remove());

/** The one value of a key. */
function settingOf(key: string): string {
  const values = [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value]) => String(value));
  expect(values, key).toHaveLength(1);
  return String(values[0]);
}

/** The arguments of a line that starts the program, with another configuration. */
function argsOf(key: string, config: string): string[] {
  const [program, ...args] = settingOf(key).split(' ');
  expect(program).toBe(PROGRAM);
  expect(args).toContain(CONFIG);
  return args.map((arg) => (arg === CONFIG ? config : arg));
}

const seconds = (key: string) => Number(/^(\d+)s$/.exec(settingOf(key))?.[1]);

it('what it starts checks its configuration, serves, and stops at its signal, within its time', async () => {
  const http = `127.0.0.1:${await freePort()}`;
  const config = join(folder.path, 'wsgate.yaml');
  writeFileSync(
    config,
    `listen: {grpc: "127.0.0.1:0", http: "${http}"}\nstore: {file: ${join(folder.path, 'leases')}}\n`,
  );
  await exec(process.execPath, [MAIN, ...argsOf('ExecStartPre', config)], { env: bareEnv() });
  const args = [MAIN, ...argsOf('ExecStart', config)];
  const gate = await start({ name: 'gate', file: process.execPath, args });
  await until('it serves', () => gate.lines().some((line) => line.includes('"serving"')));
  gate.kill(settingOf('KillSignal') as NodeJS.Signals);
  expect(await gate.ended).toBe('exit code 0');
  const defaults = loadConfig({ env: {} });
  expect(seconds('TimeoutStopSec') * 1000).toBeGreaterThan(
    defaults.ok ? defaults.config.stop.deadline + 5_000 : Infinity,
  );
});

it('is started again after each failure, but for those that stay', () => {
  expect(settingOf('Restart')).toBe('on-failure');
  expect(settingOf('RestartPreventExitStatus')).toBe(`${EXIT_USAGE} ${EXIT_CONFIG}`);
});

it('may open as many files as the bounds on connections come to', () => {
  const defaults = loadConfig({ env: {} });
  if (!defaults.ok) throw new Error('no defaults');
  expect(Number(settingOf('LimitNOFILE'))).toBeGreaterThan(openFilesNeeded(defaults.config));
});

describe.skipIf(!hasSystemd())('systemd itself', () => {
  /** With a program that is here. */
  const unit = join(folder.path, 'wsgate.service');
  writeFileSync(unit, text.replaceAll(PROGRAM, process.execPath));

  it('reads all of it', async () => {
    expect(await exec('systemd-analyze', ['verify', unit])).toEqual({ stdout: '', stderr: '' });
  });

  it('says that it is exposed to little: 2.0 of 10 at most', async () => {
    await exec('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit]);
  });
});

function hasSystemd(): boolean {
  try {
    // `--offline` came with 250.
    return Number(/^systemd (\d+)/.exec(String(execFileSync('systemd-analyze', ['--version'])))?.[1]) >= 250;
  } catch {
    return false;
  }
}
