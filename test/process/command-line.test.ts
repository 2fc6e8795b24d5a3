/** What one sees who starts `wsgate` by hand: what it prints, where, and its exit codes. */

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { createAuthority, hasOpenssl } from '../../lab/fleet/certificates.ts';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { freePort, start, until } from '../../lab/fleet/processes.ts';
import { EXIT_CONFIG, EXIT_USAGE } from '../../src/commands/command.ts';
import { commands } from '../../src/commands.ts';
import { leaves } from '../../src/config/keys.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PACKAGE = new URL('../../package.json', import.meta.url);

const folder = lendFolder('command-line');
afterAll(() => folder.remove());

interface Ending {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end. Free ports, so that nothing here meets a gate that runs on this machine. */
function wsgate(args: readonly string[], env: Record<string, string> = {}): Promise<Ending> {
  const ports = { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: '127.0.0.1:0' };
  const { PATH = '', NODE_COMPILE_CACHE = '' } = process.env;
  return new Promise((resolve) => {
    const options = {
      env: { PATH, NODE_COMPILE_CACHE, ...ports, ...env },
      timeout: 50_000,
      killSignal: 'SIGKILL',
    } as const;
    execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    );
  });
}

it.concurrent('an older Node is told which one is needed, that of package.json', async () => {
  const { engines } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
  const older = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })';
  const { code, stdout, stderr } = await wsgate(['--version'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(older)}`,
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toBe('wsgate: this is Node 20.20.2: expected Node 24 or newer\n');
  expect(engines.node).toBe('>=24');
});

describe.concurrent('without a command to run', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8'));
    expect(await wsgate(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('prints how it is used', async () => {
    const { code, stdout, stderr } = await wsgate(['serve', '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const word of ['serve', 'check-config', '--config', 'SIGTERM', '64', '78', '128']) {
      expect(stdout).toContain(word);
    }
  });

  it('helps as with --help, and tells every command, exit code, signal and variable that is no key', async () => {
    const { code, stdout, stderr } = await wsgate(['help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await wsgate(['--help'])).stdout).toBe(stdout);
    for (const name of commands.keys()) expect(stdout).toContain(`\n  wsgate ${name} `);
    for (const word of [
      'WSGATE_TOKEN',
      'WSGATE_URL',
      'REDIS_URL',
      'SIGTERM',
      'SIGINT',
      'SIGHUP',
      EXIT_USAGE,
      EXIT_CONFIG,
      128,
    ]) {
      expect(stdout).toMatch(new RegExp(`^  .*${word}`, 'm'));
    }
    for (const line of linesOf(stdout)) expect(line.length, line).toBeLessThanOrEqual(125);
  });

  it('helps with one command', async () => {
    const { code, stdout } = await wsgate(['help', 'watch']);
    expect({ code, others: stdout.includes('wsgate serve') }).toEqual({ code: 0, others: false });
    expect(stdout).toContain('--severity WORD');
  });

  it('helps with the configuration, by the file that has every key', async () => {
    const example = readFileSync(new URL('../../wsgate.example.yaml', import.meta.url), 'utf8');
    expect(await wsgate(['help', 'config'])).toEqual({ code: 0, stdout: example, stderr: '' });
  });

  it('prints how it is used as an error when nothing is asked for', async () => {
    const { code, stdout, stderr } = await wsgate([]);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain('wsgate serve');
  });
});

describe.concurrent('a command line that is wrong ends with 64 and says what is wrong', () => {
  it.each([
    [['server'], 'there is no command server'],
    [['serve', '--port', '1'], "wsgate: Unknown option '--port'\n"],
    [['--port'], '--port needs a command'],
    [['help', 'limit'], 'there is no help on limit: expected serve, check-config, watch, doctor, pods,'],
    [['check-config', 'a.yaml', 'b.yaml'], 'b.yaml is one argument too many'],
  ])('%j', async (args, complaint) => {
    const { code, stdout, stderr } = await wsgate(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toContain(complaint);
    expect(linesOf(stderr)).toHaveLength(2);
  });
});

describe.concurrent('a configuration that is wrong ends with 78', () => {
  it('and says that the file is not there', async () => {
    expect(await wsgate(['check-config', '/absent/wsgate.yaml'])).toEqual({
      code: 78,
      stdout: '',
      stderr: 'wsgate: cannot read /absent/wsgate.yaml: no such file or directory\n',
    });
  });

  it('and tells all five of five mistakes', async () => {
    const file = join(folder.path, 'five.yaml');
    const mistakes = ['store: {url: http://redis}', 'lease: {ttl: soon}', 'pods: {from: []}', 'colour: red'];
    writeFileSync(file, mistakes.join('\n'));
    const { code, stdout, stderr } = await wsgate(['serve', '--config', file], { WSGATE_DENY_STATUS: '200' });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    for (const key of ['store.url', 'lease.ttl', 'pods.from', 'colour', 'WSGATE_DENY_STATUS']) {
      expect(stderr).toContain(key);
    }
    expect(stderr.match(/expected:/g)).toHaveLength(5);
  });
});

it.concurrent('check-config tells mistakes in the order of the file, and those of variables after them', async () => {
  const file = join(folder.path, 'order.yaml');
  writeFileSync(file, 'stop: {deadline: soon}\nlisten:\n  streamsMax: none\n  callsMax: many\nlease: {ttl: never}\n');
  const { stderr } = await wsgate(['check-config', file], { WSGATE_DENY_STATUS: '200' });
  const places = linesOf(stderr).filter((line) => !line.startsWith(' '));
  const inFile = ['1:18: stop.deadline', '3:15: listen.streamsMax', '4:13: listen.callsMax', '5:14: lease.ttl'];
  expect(places).toEqual([...inFile.map((place) => `${file}:${place}`), 'WSGATE_DENY_STATUS: deny.status']);
});

it.concurrent('check-config warns of what is allowed and hardly meant, and ends with 0', async () => {
  const file = join(folder.path, 'unwise.yaml');
  const url = 'store: {url: "redis://redis:6379", deadline: 1s}';
  writeFileSync(file, `lease: {ttl: 5s, reserve: 5s, recovery: 10s}\n${url}\n`);
  const { code, stderr } = await wsgate(['check-config', file]);
  expect(code).toBe(0);
  expect(linesOf(stderr)).toEqual([
    expect.stringMatching(/^warning: lease\.ttl is 5s, too short .*Expected: 37500ms or more/),
    expect.stringMatching(/^warning: lease\.recovery is 10s, too short /),
    expect.stringMatching(/^warning: store\.deadline is 1s, too long .*Expected: 250ms or less/),
  ]);
});

it.concurrent('check-config --explain tells where each value comes from, and no secret', async () => {
  const file = join(folder.path, 'explain.yaml');
  const text = `lease: {ttl: 90s, grace: 5m}
store: {url: "redis+sentinel://user:hidden-one@h/main", sentinel: {password: hidden-two}}
http: {tokens: [hidden-three-of-16-characters]}
`;
  writeFileSync(file, text);
  const env = { WSGATE_DENY_STATUS: '503', WSGATE_LISTEN_HTTP: '', WSGATE_LISTEN_GRPC: '' };
  const { code, stdout } = await wsgate(['check-config', '--explain', file], env);
  expect(code).toBe(0);
  expect(stdout).not.toContain('hidden');
  const lines = new Map(
    linesOf(stdout).map((line) => [line.slice(2).split(':')[0], line.replace(/ {2,}(?=\S)/g, '  ')]),
  );
  const told = (key: string) => lines.get(key);
  expect(told('lease.ttl')).toBe(`* lease.ttl: 90s  ${file}:1:14`);
  expect(told('lease.grace')?.trim()).toBe(`lease.grace: 5m  ${file}:1:26`);
  expect(told('lease.reserve')?.trim()).toBe('lease.reserve: 90s  default, by lease.ttl');
  expect(told('lease.recovery')?.trim()).toBe('lease.recovery: 45s  default, by lease.ttl');
  expect(told('store.url')).toBe(`* store.url: redis+sentinel://user:***@h:26379/main/0  ${file}:2:14`);
  expect(told('store.sentinel.password')).toBe(`* store.sentinel.password: ***  ${file}:2:78`);
  expect(told('http.tokens')).toBe(`* http.tokens: ["***"]  ${file}:3:16`);
  expect(told('deny.status')).toBe('* deny.status: 503  WSGATE_DENY_STATUS');
  expect(told('store.file')?.trim()).toBe('store.file: not set  default');
  expect(lines.size).toBe(leaves.length + 1);
});

it.concurrent('check-config --explain names REDIS_URL, and tells mistakes instead where there are any', async () => {
  const { stdout } = await wsgate(['check-config', '--explain'], { REDIS_URL: 'redis://h' });
  expect(stdout).toMatch(/^\* store\.url: redis:\/\/h:6379\/0 +REDIS_URL$/m);
  const wrong = await wsgate(['check-config', '--explain'], { WSGATE_DENY_STATUS: '200' });
  expect([wrong.code, wrong.stdout]).toEqual([78, '']);
  expect(wrong.stderr).toContain('deny.status');
});

it.concurrent('check-config prints the defaults when nothing is configured', async () => {
  const nothing = { WSGATE_LISTEN_GRPC: '', WSGATE_LISTEN_HTTP: '' };
  const { code, stdout, stderr } = await wsgate(['check-config'], nothing);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('grpc: 127.0.0.1:7070');
  expect(stdout).toContain('http: 127.0.0.1:7071');
});

describe.concurrent('serve', () => {
  it('serves without a file', async () => {
    const http = `127.0.0.1:${await freePort()}`;
    const env = { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: http };
    const gate = await start({ name: 'gate', file: process.execPath, args: [MAIN, 'serve'], env });
    await until('it serves', () => gate.lines().some((line) => line.includes('"serving"')));
    expect((await fetch(`http://${http}/readyz`)).status).toBe(200);
    await gate.stop();
    expect(await gate.ended).toBe('exit code 0');
  });

  it('says in one line that there is no folder for the socket of listen.grpc, and ends with 1', async () => {
    const env = { WSGATE_LISTEN_GRPC: 'unix:/absent/folder/grpc.sock', WSGATE_LISTEN_HTTP: '127.0.0.1:0' };
    const { code, stderr } = await wsgate(['serve'], env);
    expect(code).toBe(1);
    expect(linesOf(stderr)).toEqual([
      'wsgate: listen.grpc: cannot listen on unix:/absent/folder/grpc.sock: there is no folder /absent/folder',
    ]);
  });

  it('is ready only when it listens for Envoys', async () => {
    const [grpc, http] = [await freePort(), await freePort()];
    const env = {
      WSGATE_LISTEN_GRPC: `127.0.0.1:${grpc}`,
      WSGATE_LISTEN_HTTP: `127.0.0.1:${http}`,
      // It waits for its store before it listens, and would decide without it.
      WSGATE_STORE_URL: `redis://127.0.0.1:${await freePort()}`,
      WSGATE_OUTAGE_POLICY: 'allow',
    };
    const gate = await start({ name: 'gate', file: process.execPath, args: [MAIN, 'serve'], env });
    const status = () =>
      fetch(`http://127.0.0.1:${http}/readyz`).then(
        ({ status }) => status,
        () => 0,
      );
    await until('it answers', async () => (await status()) !== 0);
    expect(await status()).toBe(503);
    await until('it is ready', async () => (await status()) === 200);
    const socket = connect(grpc, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
    await gate.stop();
  });

  it('goes on at SIGHUP, also without a file, and says so', async () => {
    const http = `127.0.0.1:${await freePort()}`;
    const env = { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: http };
    const gate = await start({ name: 'gate', file: process.execPath, args: [MAIN, 'serve'], env });
    await until('it serves', () => gate.lines().some((line) => line.includes('"serving"')));
    gate.kill('SIGHUP');
    await until('it has said so', () => gate.lines().some((line) => line.includes('the configuration was read again')));
    expect((await fetch(`http://${http}/healthz`)).status).toBe(200);
    await gate.stop();
    expect(await gate.ended).toBe('exit code 0');
  });

  it.each(['grpc', 'http'])(
    'says in one line that the address of listen.%s is taken, and ends with 1',
    async (which) => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const address = taken.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      const text = `127.0.0.1:${address.port}`;
      const { code, stderr } = await wsgate(['serve'], { [`WSGATE_LISTEN_${which.toUpperCase()}`]: text });
      expect(code).toBe(1);
      expect(linesOf(stderr)).toEqual([
        expect.stringMatching(
          new RegExp(`^wsgate: listen.${which}: cannot listen on ${text}: .*address already in use`),
        ),
      ]);
      taken.close();
    },
  );

  it.each([
    ['listen.tls.cert', { WSGATE_LISTEN_TLS_CERT: '/absent.pem', WSGATE_LISTEN_TLS_KEY: '/absent.pem' }],
    ['store.tls.ca', { WSGATE_STORE_TLS_CA: '/absent.pem', WSGATE_STORE_URL: 'rediss://localhost:1' }],
  ])('says in one line that the file of %s cannot be read, and ends with 1', async (key, env) => {
    const { code, stderr } = await wsgate(['serve'], env);
    expect(code).toBe(1);
    expect(stderr).toBe(`wsgate: ${key}: /absent.pem cannot be read: no such file or directory\n`);
  });

  it.skipIf(!hasOpenssl)('ends with 1 when its certificates are good, and another file cannot be read', async () => {
    const { cert, key } = await createAuthority();
    const tls = { WSGATE_LISTEN_TLS_CERT: cert, WSGATE_LISTEN_TLS_KEY: key };
    const store = { WSGATE_STORE_TLS_CA: '/absent.pem', WSGATE_STORE_URL: 'rediss://localhost:1' };
    expect(await wsgate(['serve'], { ...tls, ...store })).toMatchObject({ code: 1, stdout: '' });
  });
});

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

describe.concurrent('doctor', () => {
  const shipped = (file: string) => fileURLToPath(new URL(`../../envoy/${file}`, import.meta.url));

  it('finds nothing in what is shipped', async () => {
    expect(await wsgate(['doctor', shipped('edge.yaml')])).toEqual({
      code: 0,
      stdout: 'Envoy: nothing found\n',
      stderr: '',
    });
  });

  it('says what is wrong, what it costs and what to write, and ends with 2', async () => {
    const file = join(folder.path, 'unwise.yaml');
    const edge = readFileSync(shipped('edge.yaml'), 'utf8');
    writeFileSync(file, edge.replace('failure_mode_allow: false', 'failure_mode_allow: true'));
    const [text, json] = await Promise.all([wsgate(['doctor', file]), wsgate(['doctor', file, '--json'])]);
    expect(text.code).toBe(2);
    expect(text.stdout).toContain('a limit does not hold\n  listener edge, filter ws_admission: while no gate answers');
    expect(text.stdout).toContain('      write: failure_mode_allow: false\n');
    expect(JSON.parse(json.stdout)).toMatchObject({ findings: [{ check: 'failure-mode-allow', cost: 'limit' }] });
  });

  it('knows what the gate is configured with', async () => {
    const config = join(folder.path, 'short-ttl.yaml');
    writeFileSync(config, 'lease: {ttl: 20s, grace: 60s}\n');
    const { stdout } = await wsgate(['doctor', shipped('edge.yaml'), '--config', config]);
    expect(stdout).toContain('write: access_log_flush_interval: 5s');
  });

  it.each<[string[], number, string]>([
    [['doctor'], EXIT_USAGE, 'doctor wants an Envoy, or a gate with --url'],
    [['doctor', 'no-such.yaml'], 1, 'cannot read no-such.yaml'],
    [['doctor', fileURLToPath(PACKAGE)], 1, 'is neither a /config_dump of Envoy nor a configuration that it starts on'],
    [['doctor', 'http://127.0.0.1:1'], 1, 'http://127.0.0.1:1/config_dump: '],
    [['doctor', '--url', 'http://127.0.0.1:1'], 1, 'http://127.0.0.1:1'],
    [['doctor', '--url', 'gate'], EXIT_USAGE, '--url gate is no URL'],
  ])('%j ends with %i', async (args, code, says) => {
    const ending = await wsgate(args);
    expect(ending).toMatchObject({ code, stdout: '' });
    expect(ending.stderr).toContain(says);
  });
});
