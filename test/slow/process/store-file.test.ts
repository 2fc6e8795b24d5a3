/**
 * A gate on its embedded store that ends and starts again, with `store.file`, behind a real Envoy. Where Envoy says
 * nothing of live connections meanwhile (`NEVER_MS`), what the gate knows of them comes from the file.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { type Folder, lendFolder } from '../../../lab/fleet/folder.ts';
import { type Gate, startGate } from '../../../lab/fleet/gate.ts';
import { until } from '../../../lab/fleet/processes.ts';

const LIMIT = 5;
const NEVER_MS = 600_000;
const WARN = 40;

let folder: Folder;
let file: string;
let fleet: Fleet | undefined;
let alone: Gate | undefined;
beforeEach(() => {
  folder = lendFolder('store-file');
  file = join(folder.path, 'leases');
});
afterEach(async () => {
  await fleet?.stop();
  await alone?.stop();
  fleet = undefined;
  alone = undefined;
  folder.remove();
});

const withFile = (lease: object) => ({ store: { file }, lease, limits: { default: { connections: LIMIT } } });

async function startFleet(lease: object, flushIntervalMs = NEVER_MS): Promise<Fleet> {
  fleet = await Fleet.start({ store: 'embedded', flushIntervalMs, config: withFile(lease) });
  return fleet;
}

async function startAlone(): Promise<Gate> {
  alone = await startGate({ config: withFile({ recovery: '0s' }) });
  return alone;
}

const statuses = async (of: Fleet) => (await of.open(1)).refused.map(({ status }) => status);
const isRecovering = async ({ gate }: Fleet) => (await gate.metrics('/metrics')).wsgate_store_recovering === 1;
/** But for how many files this machine lets a process open. */
const alarms = (gate: Gate) => gate.logs().filter((line) => Number(line.level) >= WARN && !('openFilesMax' in line));

describe('after SIGTERM', () => {
  it('a gate decides the next upgrade at once, by the leases that it had', async () => {
    const of = await startFleet({ recovery: '2s' });
    await until('the new store is trusted', async () => !(await isRecovering(of)));
    const { opened } = await of.open(LIMIT);
    await of.settlesAt(LIMIT);
    await of.restartGate('SIGTERM');
    expect(await of.connections()).toBe(LIMIT);
    expect(await isRecovering(of)).toBe(false);
    expect(await statuses(of)).toEqual([429]);
    opened[0]?.close();
    await of.settlesAt(LIMIT - 1);
    expect((await of.open(1)).opened).toHaveLength(1);
    expect(alarms(of.gate)).toEqual([]);
  });

  it('a connection that closed while no gate ran is freed on evidence, and one that lives is not', async () => {
    const lease = { recovery: '0s', ttl: '3s', grace: '60s' };
    const of = await startFleet(lease, 1000);
    const { opened } = await of.open(2);
    await of.settlesAt(2);
    const { grpcPort, httpPort } = of.gate;
    await of.gate.stop();
    opened[0]?.terminate();
    const left = async () => (await of.envoy.stats())['cluster.pod1.upstream_cx_active'];
    await until('Envoy has seen it go', async () => (await left()) === 1);
    of.gates[0] = await startGate({ config: withFile(lease), grpcPort, httpPort });
    expect(await of.connections()).toBe(2);
    await of.settlesAt(1, 15_000);
  });
});

it('after SIGKILL, a gate knows the leases that were written down, and recovers the others', async () => {
  const of = await startFleet({ recovery: '2s' });
  await until('the new store is trusted', async () => !(await isRecovering(of)));
  await of.open(LIMIT);
  const written = () => readFileSync(file, 'utf8').match(/\["lease"/g)?.length === LIMIT;
  await until('all are written down', written, 15_000);
  await of.restartGate('SIGKILL');
  expect(await of.connections()).toBe(LIMIT);
  expect(await statuses(of)).toEqual([503]);
  expect(await isRecovering(of)).toBe(true);
  await until('it has recovered', async () => !(await isRecovering(of)));
  expect(await statuses(of)).toEqual([429]);
});

describe('a gate serves, and says what is wrong', () => {
  it('with a file that is damaged', async () => {
    writeFileSync(file, 'wsgate leases 1\n["written",true,');
    const gate = await startAlone();
    expect(alarms(gate)).toMatchObject([
      { level: 50, file, problem: expect.stringContaining('ends in the middle'), keptAs: `${file}.unusable` },
    ]);
    await gate.stop();
    expect(alarms(await startAlone())).toEqual([]); // the file is sound again
  });

  it('with a folder that it cannot write', async () => {
    writeFileSync(join(folder.path, 'no-folder'), '');
    file = join(folder.path, 'no-folder', 'leases');
    const gate = await startAlone();
    expect(alarms(gate)).toMatchObject([
      { level: 50, problem: 'cannot be read: not a directory' },
      { level: 50, file, problem: 'not a directory' },
    ]);
    gate.kill('SIGTERM');
    expect(await gate.ended).toBe('exit code 0');
  });
});

it('a gate does not start on a file that another one uses, and leaves it alone', async () => {
  const gate = await startAlone();
  await expect(startGate({ config: withFile({}) })).rejects.toThrow(`store.file: another gate uses ${file}`);
  gate.kill('SIGKILL');
  await gate.ended;
  expect(existsSync(`${file}.lock`)).toBe(true);
  expect(alarms(await startAlone())).toMatchObject([{ msg: expect.stringContaining('not stopped in order') }]);
});
