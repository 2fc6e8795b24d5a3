/** The embedded store's file over starts, stops and crashes, on the real disk. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Folder, lendFolder } from '../../lab/fleet/folder.ts';
import { until } from '../../lab/fleet/processes.ts';
import type { HeartbeatReply } from '../../src/admission/lease-store.ts';
import { LeaseFile } from '../../src/store/file/lease-file.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { value } from '../contract/lease-store.ts';
import { claims } from '../support/claims.ts';
import { gone, TIMES } from '../support/expire.ts';
import { leasesOf, newLease, pod1, pod2, proxyA, proxyB } from '../support/names.ts';

const TTL_MS = 60_000;
const WRITE_MS = 10_000;

let folder: Folder;
let path: string;
let logged: { level: number; msg: string; problem?: string; keptAs?: string; leases?: number }[];
let nowMs: number;
const running = new Set<Running>();
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] });
  folder = lendFolder('lease-file');
  path = join(folder.path, 'leases');
  logged = [];
  nowMs = 1_000_000;
});
afterEach(async () => {
  for (const gate of running) await stop(gate, false);
  vi.useRealTimers();
  folder.remove();
});

const log = pino({ base: null }, { write: (line: string) => void logged.push(JSON.parse(line)) });
const open = () => LeaseFile.open({ path, ttlMs: TTL_MS, log });
const storeOf = (file: LeaseFile) => new MemoryStore(() => nowMs, file.remembered);
const pass = (ms: number) => {
  nowMs += ms;
  vi.advanceTimersByTime(ms);
};
const downFor = (ms: number) => vi.setSystemTime(Date.now() + ms);

interface Running {
  readonly file: LeaseFile;
  readonly store: MemoryStore;
}

async function start(): Promise<Running> {
  const file = await open();
  const store = storeOf(file);
  file.follow(store);
  const gate = { file, store };
  running.add(gate);
  return gate;
}

async function stop(gate: Running, inOrder: boolean): Promise<void> {
  running.delete(gate);
  await gate.file.stop(gate.store, inOrder);
}

/** The file as it is at this moment; the lock, as of a process that was killed. */
async function crash(gate: Running): Promise<void> {
  const found = existsSync(path) ? readFileSync(path) : undefined;
  await stop(gate, false);
  if (found) writeFileSync(path, found);
}

async function beat(store: MemoryStore): Promise<HeartbeatReply> {
  return value(store.heartbeat({ gate: 'gate1', proxies: [], pods: [], gateSilentMs: 5000, proxySilentMs: 300_000 }));
}

const heldBy = async (store: MemoryStore, pod = pod1) =>
  (await value(store.leases(pod, 1000))).leases.map(({ lease }) => lease);

/** For how long the store has lost nothing, as it says. */
async function incarnationAgeMs(store: MemoryStore): Promise<number> {
  const { timeMs, incarnationMs } = await beat(store);
  return timeMs - incarnationMs;
}

describe('after an orderly stop', () => {
  it('a store has what it had: leases, their holders, ends, and the age of its incarnation', async () => {
    const before = await start();
    const [live, reserved, ended] = [newLease(proxyA), newLease(proxyB), newLease(proxyA)];
    await before.store.renew(
      pod1,
      [{ lease: live, holder: { state: 'live', path: '/chat' } }, { lease: ended }],
      TTL_MS,
    );
    await before.store.acquire(claims(pod2, 100), reserved, TTL_MS, '/talk');
    await before.store.release(pod1, [ended], 2 * TTL_MS);
    pass(45_000);
    await stop(before, true);

    const { store } = await start();
    expect(await value(store.leases(pod1, 10))).toEqual({
      leases: [{ lease: live, holder: { state: 'live', path: '/chat' } }],
    });
    expect(await value(store.leases(pod2, 10))).toEqual({
      leases: [{ lease: reserved, holder: { state: 'reserved', path: '/talk' } }],
    });
    expect((await value(store.fleet([pod1]))).pods).toEqual([
      { pod: pod1, connections: 1, proxies: new Map([[proxyA, 1]]) },
    ]);
    expect(await value(store.renew(pod1, [{ lease: ended }], TTL_MS))).toEqual({ created: 0, count: 1 });
    expect(await incarnationAgeMs(store)).toBe(45_000);
    expect(logged.at(-1)).toMatchObject({
      level: 30,
      leases: 2,
      msg: 'goes on with the leases of the gate that was stopped',
    });
  });

  it('a lease expires when it would have, whatever the wall clock says of the time in between', async () => {
    const before = await start();
    const lease = newLease(proxyA);
    await before.store.renew(pod1, [{ lease }], TTL_MS);
    pass(20_000);
    await stop(before, true);
    downFor(30_000);
    nowMs = 7; // another process, whose clock began elsewhere
    const { store } = await start();
    pass(40_000);
    expect(await value(store.expire(pod1, gone(proxyA), TIMES))).toMatchObject({ leases: [] });
    pass(1);
    expect(await value(store.expire(pod1, gone(proxyA), TIMES))).toMatchObject({ leases: [lease] });
  });

  it('an upgrade whose asker left is withdrawn, and one that was spoken of is not', async () => {
    const before = await start();
    const [asked, spokenOf] = [newLease(proxyA), newLease(proxyA)];
    for (const lease of [asked, spokenOf, spokenOf]) await before.store.acquire(claims(pod1, 100), lease, TTL_MS, '/');
    await stop(before, true);
    const { store } = await start();
    expect(await value(store.withdraw(pod1, [asked, spokenOf]))).toBe(1);
    expect(await heldBy(store)).toEqual([spokenOf]);
  });

  it('proxies that were heard are members, and none is silent yet', async () => {
    const before = await start();
    await value(
      before.store.heartbeat({
        gate: 'gate0',
        proxies: [proxyA],
        pods: [],
        gateSilentMs: 5000,
        proxySilentMs: 300_000,
      }),
    );
    pass(299_000);
    await stop(before, true);
    downFor(50_000);
    const { store } = await start();
    expect(await beat(store)).toMatchObject({ gates: 1, silentGates: [], silentProxies: [] });
    pass(300_001);
    expect(await beat(store)).toMatchObject({ silentProxies: [proxyA] });
  });

  it('a recovery that was under way goes on where it was', async () => {
    const first = await start();
    pass(4000);
    await stop(first, true);
    downFor(20_000);
    expect(await incarnationAgeMs((await start()).store)).toBe(4000);
  });

  it.each([
    ['longer than a ttl ago', TTL_MS],
    ['in the future, by a clock that was set', -1],
  ])('%s, the leases are there and the store says that it may lack some', async (_, ms) => {
    const before = await start();
    const leases = leasesOf(proxyA, 3);
    await before.store.renew(
      pod1,
      leases.map((lease) => ({ lease })),
      TTL_MS,
    );
    pass(100_000);
    await stop(before, true);
    downFor(ms);
    const { store } = await start();
    expect(await heldBy(store)).toEqual(leases);
    expect(await incarnationAgeMs(store)).toBe(0);
    expect(logged.at(-1)).toMatchObject({
      level: 40,
      msg: expect.stringContaining('not stopped within the last lease.ttl'),
    });
  });

  it('a start that fails leaves the file as it found it', async () => {
    const before = await start();
    pass(45_000);
    await stop(before, true);
    downFor(1000);
    const found = readFileSync(path, 'utf8');
    const failing = await open();
    expect(readFileSync(path, 'utf8')).not.toBe(found);
    await failing.giveBack();
    expect(readFileSync(path, 'utf8')).toBe(found);
    expect(await incarnationAgeMs((await start()).store)).toBe(45_000);
  });
});

describe('after a crash', () => {
  it('right after the start, the file does not count as stopped any more; the leases are there', async () => {
    const before = await start();
    const lease = newLease(proxyA);
    await before.store.renew(pod1, [{ lease }], TTL_MS);
    pass(45_000);
    await stop(before, true);
    await crash(await start());
    const { store } = await start();
    expect(await heldBy(store)).toEqual([lease]);
    expect(await incarnationAgeMs(store)).toBe(0);
    expect(logged.at(-1)).toMatchObject({ level: 40, leases: 1, msg: expect.stringContaining('not stopped in order') });
  });

  it('the file does not count as stopped although nothing could be written since', async () => {
    const before = await start();
    pass(45_000);
    await stop(before, true);
    mkdirSync(`${path}.new`); // in the way
    const second = await start();
    expect(await incarnationAgeMs(second.store)).toBe(45_000);
    await crash(second);
    rmdirSync(`${path}.new`);
    expect(await incarnationAgeMs((await start()).store)).toBe(0);
  });

  it('the file has what there was when it was last written, and the store says that it may lack some', async () => {
    const before = await start();
    const lease = newLease(proxyA);
    await before.store.renew(pod1, [{ lease }], TTL_MS);
    pass(WRITE_MS);
    await until('the file has it', () => readFileSync(path, 'utf8').includes(lease));
    await before.store.renew(pod1, [{ lease: newLease(proxyA) }], TTL_MS);
    await crash(before);
    const { store } = await start();
    expect(await heldBy(store)).toEqual([lease]);
    expect(await incarnationAgeMs(store)).toBe(0);
  });

  it('a stop that was not in order counts as a crash', async () => {
    const before = await start();
    pass(45_000);
    await stop(before, false);
    expect(await incarnationAgeMs((await start()).store)).toBe(0);
  });

  it('in the middle of writing, the file is still the old one', async () => {
    const before = await start();
    const lease = newLease(proxyA);
    await before.store.renew(pod1, [{ lease }], TTL_MS);
    await stop(before, true);
    writeFileSync(`${path}.new`, readFileSync(path).subarray(0, 40));
    expect(await heldBy((await start()).store)).toEqual([lease]);
  });
});

it('nothing is written while nothing changes', async () => {
  const written = vi.fn(() => ({ incarnationAgeMs: 0, pods: [], ended: [], proxies: [], overrides: [], audit: [] }));
  const store = { changes: 0, snapshot: written };
  const file = await open();
  file.follow(store);
  const replaced = async () => {
    const { ino } = statSync(path);
    pass(WRITE_MS);
    await until('the file is another', () => statSync(path).ino !== ino);
  };
  await replaced();
  let times = 0;
  await until('ten times have gone by', () => {
    pass(WRITE_MS);
    times += 1;
    return times === 10;
  });
  store.changes += 1;
  await replaced();
  expect(written).toHaveBeenCalledTimes(2);
  await file.stop(store, true);
});

it('only its owner may read it', async () => {
  await start();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

describe('a file that cannot be used is told in one line, kept, and the gate starts without it', () => {
  const whole = async () => {
    const before = await start();
    await before.store.renew(pod1, [{ lease: newLease(proxyA) }], TTL_MS);
    await stop(before, true);
    return readFileSync(path);
  };

  it.each<[string, (bytes: Buffer) => Buffer, string]>([
    [
      'is cut off',
      (bytes) => bytes.subarray(0, -10),
      'ends in the middle: the rest of it was never written, or is lost',
    ],
    ['is empty', () => Buffer.alloc(0), 'is not a file of leases'],
    ['is something else', () => Buffer.from('listen:\n  grpc: x\n'), 'is not a file of leases'],
    [
      'is of another version',
      (bytes) => Buffer.from(bytes.toString().replace('leases 1', 'leases 9')),
      'is of version 9, and this gate reads version 1',
    ],
    [
      'is damaged',
      (bytes) => Buffer.from(bytes.toString().replace('proxy_a', 'proxy_b')),
      'does not match its checksum: it is damaged, or was changed by hand',
    ],
  ])('one that %s', async (_, damage, problem) => {
    const damaged = damage(await whole());
    writeFileSync(path, damaged);
    logged = [];
    const { store } = await start();
    expect(await value(store.pods())).toEqual([]);
    expect(await incarnationAgeMs(store)).toBe(0);
    expect(logged).toMatchObject([
      {
        level: 50,
        file: path,
        problem,
        msg: `store.file ${problem}. The gate starts without it: open connections are counted as Envoys speak of them`,
      },
    ]);
    expect(readFileSync(`${path}.unusable`)).toEqual(damaged);
    expect(readFileSync(path, 'utf8')).toContain('wsgate leases 1\n');
  });

  it('a folder, which stays as it is', async () => {
    mkdirSync(path);
    writeFileSync(join(path, 'theirs'), '');
    await start();
    expect(logged).toMatchObject([
      { level: 50, problem: 'cannot be read: it is a folder' },
      { level: 50, msg: expect.stringContaining('store.file cannot be written: ') },
    ]);
    expect(readdirSync(path)).toEqual(['theirs']);
  });
});

describe('a file that cannot be written', () => {
  it('is told at the start, and the gate serves', async () => {
    path = join(folder.path, 'absent', 'leases');
    const { store } = await start();
    expect(logged.filter(({ level }) => level >= 40)).toMatchObject([
      {
        level: 50,
        problem: 'no such file or directory',
        msg: 'store.file cannot be written: no such file or directory. The gate serves; its next start may not know of connections from before',
      },
    ]);
    expect(await value(store.acquire(claims(pod1, 1), newLease(proxyA), TTL_MS, '/'))).toEqual({
      admitted: true,
      count: 1,
    });
  });

  it('is told when it happens later, once, and when it is over', async () => {
    const { store } = await start();
    mkdirSync(`${path}.new`); // in the way
    logged = [];
    const tries = vi.spyOn(store, 'snapshot');
    const change = async () => {
      await store.renew(pod1, [{ lease: newLease(proxyA) }], TTL_MS);
      pass(WRITE_MS);
    };
    // The third one begins when the first two have failed.
    await until('it has been tried three times', () => change().then(() => tries.mock.calls.length === 3));
    expect(logged).toMatchObject([{ level: 50, problem: 'illegal operation on a directory' }]);
    rmdirSync(`${path}.new`);
    await until('it can be written', () => change().then(() => logged.length === 2));
    expect(logged.at(-1)).toMatchObject({ level: 30, msg: 'store.file can be written again' });
  });
});

describe('a second gate on the same file', () => {
  it('does not start, and changes nothing', async () => {
    const first = await start();
    await expect(open()).rejects.toThrow(`store.file: another gate uses ${path}: give each its own`);
    await stop(first, true);
    expect(readdirSync(folder.path)).toEqual(['leases']);
    await start();
  });

  it('would not be noticed where there can be no lock, which is told', async () => {
    writeFileSync(`${path}.lock`, '');
    await start();
    expect(logged.at(-1)).toMatchObject({ level: 40, problem: 'a file is there that is no socket' });
  });
});
