/** The package that `npm pack` makes: what is in it, and that it works in a folder where nothing else is. */

import { execFile } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lendFolder } from '../../../lab/fleet/folder.ts';
import { bareEnv, freePort, start, until } from '../../../lab/fleet/processes.ts';
import { root } from '../../../setup/cache.mjs';

const exec = promisify(execFile);
/** Neither brought by set-up nor made by a build, nor of git. */
const NOT_SOURCES = ['.cache', '.git', 'dist', 'node_modules'];

/** Two compilers and a bundler, on a machine that is busy with other tests. It takes ten seconds on one that is not. */
const BUILD_DEADLINE_MS = 300_000;

const folder = lendFolder('package');
const checkout = join(folder.path, 'checkout');
/** Where the package is installed: its `node_modules/wsgate`. */
const installed = join(folder.path, 'project/node_modules/wsgate');
const main = join(installed, 'dist/main.js');
let packed: string[];

/** Built and packed in a copy: other tests use the dashboard of this checkout. Nothing is fetched. */
beforeAll(async () => {
  cpSync(root, checkout, { recursive: true, filter: (path) => !NOT_SOURCES.includes(basename(path)) });
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'));
  const build = "import('./setup/build.mjs').then(({ build }) => build()).then(({ code }) => process.exit(code))";
  await exec(process.execPath, ['--eval', build], { cwd: checkout });
  const pack = ['pack', '--ignore-scripts', '--offline', '--json', '--cache', join(folder.path, 'npm')];
  const { stdout } = await exec('npm', [...pack, '--pack-destination', folder.path], { cwd: checkout });
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }];
  packed = files.map(({ path }) => path);
  mkdirSync(installed, { recursive: true });
  await exec('tar', ['-xzf', join(folder.path, filename), '-C', installed, '--strip-components', '1']);
  for (const name of runtimePackages()) {
    mkdirSync(join(installed, 'node_modules', name, '..'), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(installed, 'node_modules', name));
  }
  rmSync(checkout, { recursive: true });
}, BUILD_DEADLINE_MS);
afterAll(() => folder.remove());

/** Those that `npm install wsgate` would bring: nothing that only development needs. */
function runtimePackages(): string[] {
  return Object.keys(packageJson().dependencies);
}

function packageJson(): { version: string; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
}

/** From an empty folder, as the shell runs it. */
async function wsgate(...args: readonly string[]): Promise<string> {
  return (await exec(main, args, { cwd: folder.path, env: bareEnv() })).stdout;
}

it('has what is meant to be in it, and nothing else', () => {
  const at = (pattern: string, cwd = root) =>
    globSync(pattern, { cwd, withFileTypes: true }).flatMap((found) =>
      found.isFile() ? join(found.parentPath, found.name).slice(root.length + 1) : [],
    );
  const compiled = at('src/**').map((path) => path.replace(/^src/, 'dist').replace(/\.ts$/, '.js'));
  const isPage = (path: string) => /^dist\/dashboard\/assets\/[\w-]+\.(js|css|svg)$/.test(path);
  /** The types of `wsgate/client`, and of what it hands out. */
  const client = ['backoff', 'event-queue', 'index', 'reconnecting-socket'].map((name) => `client/${name}`);
  const declared = [...client, 'hub/protocol', 'hub/events/cloud-event'].map((name) => `dist/${name}.d.ts`);
  const expected = [
    ...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json', 'wsgate.example.yaml'],
    ...['proto/**', 'envoy/**', 'deploy/systemd/**'].flatMap((pattern) => at(pattern)),
    ...compiled,
    ...declared,
    'dist/dashboard/index.html',
  ];
  expect(packed.filter((path) => !isPage(path)).sort()).toEqual(expected.sort());
  expect(packed.filter(isPage).length).toBeGreaterThan(2);
});

describe('installed in an empty folder', () => {
  it('tells its version and how it is used, with every key', async () => {
    expect(await wsgate('--version')).toBe(`${packageJson().version}\n`);
    expect(await wsgate('--help')).toContain('wsgate serve');
    expect(await wsgate('help', 'config')).toContain('unrenewedMax');
  });

  it('checks its own example of a configuration', async () => {
    expect(await wsgate('check-config', join(installed, 'wsgate.example.yaml'))).toContain('grpc: 127.0.0.1:7070');
  });

  it('serves: it is ready, and has the dashboard with it', async () => {
    const http = `127.0.0.1:${await freePort()}`;
    const env = { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: http };
    const gate = await start({ name: 'gate', file: main, args: ['serve'], env });
    await until(
      'it is ready',
      () =>
        fetch(`http://${http}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      20_000,
    );
    expect(await (await fetch(`http://${http}/`)).text()).toContain('<title>wsgate</title>');
    await gate.stop();
    expect(await gate.ended).toBe('exit code 0');
  });

  it('has its client for programs that import wsgate/client', async () => {
    const file = join(folder.path, 'project/watch.mjs');
    writeFileSync(file, "import { connect } from 'wsgate/client';\nconsole.log(typeof connect);\n");
    expect((await exec(process.execPath, [file])).stdout).toBe('function\n');
  });
});
