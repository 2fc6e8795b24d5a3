/** `wsgate watch` as somebody in a terminal has it. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { guard } from '../../../lab/fleet/guard.ts';
import { checkOf, newStream } from '../../../lab/fleet/messages.ts';
import { readMetrics } from '../../../lab/fleet/metrics.ts';
import { freePort, until } from '../../../lab/fleet/processes.ts';
import { admitted, incident, postEvents } from '../../hub/client.ts';
import { startTestApp, type TestApp } from '../../support/app.ts';

const MAIN = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const TOKEN = 'correct-horse-battery';

let gate: TestApp;
const watchers: Watcher[] = [];
afterEach(async () => {
  for (const { child } of watchers.splice(0)) child.kill('SIGKILL');
  await gate.stop();
});

class Watcher {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<[number | null]>;
  readonly #text = { stdout: '', stderr: '' };

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    const { PATH = '' } = process.env;
    this.child = spawn(process.execPath, [MAIN, 'watch', ...args], {
      env: { PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    guard(this.child);
    watchers.push(this);
    this.ended = once(this.child, 'close') as Promise<[number | null]>;
    this.read('stderr');
  }

  /** From now on. What it writes before waits in the pipe. */
  read(stream: 'stdout' | 'stderr'): void {
    this.child[stream].setEncoding('utf8').on('data', (text: string) => {
      this.#text[stream] += text;
    });
  }

  lines(stream: 'stdout' | 'stderr' = 'stdout'): string[] {
    return this.#text[stream].split('\n').slice(0, -1);
  }

  says(line: string | RegExp): Promise<void> {
    const is = (text: string) => (typeof line === 'string' ? text === `wsgate: ${line}` : line.test(text));
    return until(`it says ${line}`, () => this.lines('stderr').some(is), 15_000);
  }

  /** Its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return (await this.ended)[0];
  }
}

/** One that the gate tells events. */
async function watching(args: readonly string[], env?: Record<string, string>): Promise<Watcher> {
  const before = await subscriptions();
  const watcher = new Watcher(['--url', gate.app.http, ...args], env);
  await until('it has subscribed', async () => (await subscriptions()) > before, 15_000);
  return watcher;
}

const subscriptions = () => figure('websocket_hub_subscriptions');

async function figure(name: string): Promise<number> {
  return (await readMetrics(`${gate.app.http}/metrics`))[name] ?? Number.NaN;
}

describe('what it prints', () => {
  it('is a line for each event that is wanted: a denial, of one of two pods', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
    await Promise.all(['pod1', 'pod2', 'pod3'].map((pod) => admitted(gate, pod)));
    const watcher = await watching(['--type', 'connection.*', '--type', 'pod.*', '--pod', 'pod1', '--pod', 'pod2']);
    watcher.read('stdout');
    for (const pod of ['pod3', 'pod2', 'pod1']) await gate.check(checkOf(newStream(), pod));
    await until('all is there', () => watcher.lines().some((line) => line.includes('denied    pod/pod1')));
    for (const line of watcher.lines()) expect(line).toMatch(/^\S{23}Z {2}\w+ +\S+ +pod\/pod[12] {14}\S/);
    const denials = watcher.lines().filter((line) => line.includes('connection.denied'));
    expect(denials).toEqual([
      expect.stringMatching(/Z {2}warning {3}connection\.denied {4}pod\/pod2 {14}count=1 .*reason=LIMIT_EXCEEDED$/),
      expect.stringMatching(/Z {2}warning {3}connection\.denied {4}pod\/pod1 {14}count=1 .*reason=LIMIT_EXCEEDED$/),
    ]);
    expect(await watcher.end('SIGINT')).toBe(0);
    expect(watcher.lines('stderr')).toEqual([`wsgate: connected to ${gate.app.http}`]);
  });

  it('is a line for each event of a severity that is wanted', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
    const watcher = await watching(['--severity', 'warning', '--severity', 'high']);
    watcher.read('stdout');
    await admitted(gate, 'pod1'); // info
    await gate.check(checkOf(newStream(), 'pod1'));
    await postEvents(gate.app.http, [incident()]);
    await until('all is there', () => watcher.lines().some((line) => line.includes('incident.opened')));
    await until('all is there', () => watcher.lines().some((line) => line.includes('connection.denied')));
    for (const line of watcher.lines()) expect(line).toMatch(/^\S{23}Z {2}(warning|high) /);
    expect(await watcher.end('SIGINT')).toBe(0);
  });

  it('is the event as JSON with --json, without control characters', async () => {
    gate = await startTestApp();
    const [plain, json] = await Promise.all([new Watcher(['--url', gate.app.http]), watching(['--json'])]);
    await until('both have subscribed', async () => (await subscriptions()) === 2, 15_000);
    for (const watcher of [plain, json]) watcher.read('stdout');
    const event = incident({ subject: 'a\u009b2Jb', data: { note: 'c\u202ed \u{e0001}', labels: { team: 'x' } } });
    await postEvents(gate.app.http, event);
    await until('both have it', () => [plain, json].every((watcher) => watcher.lines().length === 1));
    expect(JSON.parse(json.lines()[0] ?? '')).toEqual(event);
    expect(plain.lines()[0]).toContain(
      '  a\\u009b2Jb            source=pager/eu note="c\\u202ed \\udb40\\udc01" team=x',
    );
    for (const watcher of [plain, json]) expect(watcher.lines()[0]).toMatch(/^[\x20-\x7e]+$/);
    expect(await plain.end('SIGTERM')).toBe(0);
  });

  it('and the events that it calls missing, when nobody reads its output, are all events', async () => {
    gate = await startTestApp();
    const watcher = await watching(['--type', 'incident.*']);
    for (let i = 0; i < 30; i += 1) await post(100, { subject: 'x'.repeat(200) });
    await post(1, { subject: 'last' });
    watcher.read('stdout');
    await hasLost(watcher, 3001);
  });

  it('and the events that it calls missing, when it does not read from the gate, are all events', async () => {
    gate = await startTestApp({ WSGATE_HUB_QUEUE_MAX: '50' });
    const watcher = await watching(['--type', 'incident.*']);
    watcher.read('stdout');
    watcher.child.kill('SIGSTOP');
    let posted = 0;
    while ((await figure('websocket_messages_dropped_total')) === 0) {
      await post(50, { data: { note: 'x'.repeat(12_000) } });
      posted += 50;
    }
    watcher.child.kill('SIGCONT');
    await until('all is sent', async () => (await figure('websocket_hub_queue_saturation_ratio{feed="events"}')) === 0);
    await post(1, { subject: 'last' });
    await hasLost(watcher, posted + 1);
  });
});

async function post(count: number, overrides: object): Promise<void> {
  await postEvents(
    gate.app.http,
    Array.from({ length: count }, () => incident(overrides)),
  );
}

/** It has printed the last event, and has said of how many others that they are missing. */
async function hasLost(watcher: Watcher, posted: number): Promise<void> {
  await until('it has come to the last', () => watcher.lines().some((line) => line.includes('  last  ')), 15_000);
  await watcher.says(/ events are missing: /);
  const missing = watcher.lines('stderr').map((line) => Number(/(\d+) events are missing/.exec(line)?.[1] ?? 0));
  expect(watcher.lines().length + missing.reduce((sum, count) => sum + count, 0)).toBe(posted);
}

describe('--since', () => {
  const at = (agoMs: number) => new Date(Date.now() - agoMs).toISOString();

  it.each(['10m', at(600_000)])(
    '%s: what the history holds from then on comes first, then what happens',
    async (since) => {
      gate = await startTestApp();
      await postEvents(gate.app.http, [incident({ subject: 'old', time: at(900_000) })]);
      await postEvents(gate.app.http, [incident({ subject: 'lately', time: at(300_000) })]);
      await postEvents(gate.app.http, [incident({ subject: 'unwanted', type: 'other.thing' })]);
      const watcher = await watching(['--since', since, '--type', 'incident.*']);
      watcher.read('stdout');
      await postEvents(gate.app.http, [incident({ subject: 'now' })]);
      const subjects = () => watcher.lines().map((line) => /incident\.opened +(\w+)/.exec(line)?.[1]);
      await expect.poll(subjects).toEqual(['lately', 'now']);
      expect(watcher.lines('stderr')).toEqual([`wsgate: connected to ${gate.app.http}`]);
    },
  );

  it('says when the history does not go back so far', async () => {
    gate = await startTestApp({ WSGATE_HUB_HISTORY_MAX: '100' });
    for (let i = 0; i < 2; i += 1) await post(100, { time: at(0) });
    const watcher = await watching(['--since', '10m', '--type', 'incident.*']);
    watcher.read('stdout');
    await watcher.says('events may be missing: the history does not go back so far');
    await until('the others come', () => watcher.lines().length === 100);
  });

  it('goes on after the last event when the connection was lost, and tells none twice', async () => {
    gate = await startTestApp({ WSGATE_LISTEN_HTTP: `127.0.0.1:${await freePort()}` });
    const { http } = gate.app;
    await post(3, { time: at(0) });
    const watcher = await watching(['--since', '10m', '--type', 'incident.*']);
    watcher.read('stdout');
    await until('all are there', () => watcher.lines().length === 3);
    await gate.stop();
    await watcher.says(`no connection to ${http}: the gate stops`);
    gate = await startTestApp({ WSGATE_LISTEN_HTTP: http.replace('http://', '') });
    await watcher.says('connected again');
    await watcher.says(/events may be missing: the history does not hold that event/);
    await post(1, {});
    await until('the new one is there', () => watcher.lines().length === 4);
  });
});

describe('it ends', () => {
  it('with 0 when its reader has left', async () => {
    gate = await startTestApp();
    const watcher = await watching([]);
    watcher.child.stdout.destroy();
    await postEvents(gate.app.http, incident());
    expect((await watcher.ended)[0]).toBe(0);
  });

  it('with 0 at Ctrl-C while it still tries to reach a gate', async () => {
    gate = await startTestApp();
    const url = `http://127.0.0.1:${await freePort()}`;
    const watcher = new Watcher(['--url', url]);
    await watcher.says(`no connection to ${url}: connection refused`);
    expect(await watcher.end('SIGINT')).toBe(0);
  });

  it('with 1 when it needs a token, and runs with one', async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN });
    const [none, wrong] = [{}, { WSGATE_TOKEN: 'wrong' }].map((env) => new Watcher(['--url', gate.app.http], env));
    const right = await watching([], { WSGATE_TOKEN: TOKEN });
    await right.says(`connected to ${gate.app.http}`);
    expect(await none?.ended).toEqual([1, null]);
    expect(none?.lines('stderr').at(-1)).toMatch(
      /^wsgate: http.*this needs a bearer token.*; WSGATE_TOKEN is not set$/,
    );
    expect(await wrong?.ended).toEqual([1, null]);
    expect(wrong?.lines('stderr').at(-1)).toMatch(/; WSGATE_TOKEN is not one of them$/);
    expect(await right.end('SIGINT')).toBe(0);
  });

  it.each([
    [['--type', 'connection.admited'], 'perhaps connection.admitted'],
    [['--type', 'pod.*', '--type', 'gate.start'], 'perhaps gate.started'],
    [['--type', 'store'], 'perhaps store.down, store.up, store.*'],
    [['--type', 'limit.nothing-like-it'], 'perhaps limit.changed, limit.set, limit.deleted, limit.expired, limit.*'],
    [['--since', 'yesterday'], 'expected a duration, such as 10m, or a time, such as 2026-01-31T12:00:00Z'],
    [['--since', '2026-01-31'], 'expected a duration, such as 10m, or a time, such as 2026-01-31T12:00:00Z'],
  ])('with 64 at %j', async (args, hint) => {
    gate = await startTestApp();
    const watcher = new Watcher(['--url', gate.app.http, ...args]);
    expect(await watcher.ended).toEqual([64, null]);
    const [name, value] = args.slice(-2);
    expect(watcher.lines('stderr')[0]).toMatch(new RegExp(`^wsgate: ${name} ${value}: `));
    expect(watcher.lines('stderr')[0]).toContain(hint);
  });

  it('of no type that others may post, nor of a whole kind', async () => {
    gate = await startTestApp();
    const watcher = await watching(['--type', 'incident.opned', '--type', 'connection.*', '--type', '*']);
    await watcher.says(`connected to ${gate.app.http}`);
    expect(await watcher.end('SIGINT')).toBe(0);
  });

  it('with 64 when the command line is wrong', async () => {
    gate = await startTestApp();
    const [command, url] = [
      ['--config', 'x'],
      ['--url', 'gate:7071'],
    ].map((args) => new Watcher(args));
    expect([await command?.ended, await url?.ended]).toEqual([
      [64, null],
      [64, null],
    ]);
    expect(command?.lines('stderr')[0]).toContain("Unknown option '--config'");
    expect(url?.lines('stderr')[0]).toBe('wsgate: --url gate:7071: expected http://… or https://…');
  });
});

it('says when the connection is lost, and when it is back', async () => {
  gate = await startTestApp({ WSGATE_LISTEN_HTTP: `127.0.0.1:${await freePort()}` });
  const { http } = gate.app;
  const watcher = await watching([]);
  watcher.read('stdout');
  await gate.stop();
  await watcher.says(`no connection to ${http}: the gate stops`);
  gate = await startTestApp({ WSGATE_LISTEN_HTTP: http.replace('http://', '') });
  await watcher.says('connected again');
  await watcher.says(/events may be missing: /);
  await postEvents(http, incident());
  await until('events come', () => watcher.lines().some((line) => line.includes('incident.opened')));
  expect(await watcher.end('SIGINT')).toBe(0);
});
