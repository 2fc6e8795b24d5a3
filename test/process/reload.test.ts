/** A gate whose configuration file changes while it runs. */

import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { readMetrics } from '../../lab/fleet/metrics.ts';
import { freePort, start, untilReady } from '../../lab/fleet/processes.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const limits = (pod1: number) => `limits: {pods: {pod1: {connections: ${pod1}}}}\n`;

it('takes over new limits, names what needs a restart, and a wrong file changes nothing', async () => {
  const folder = lendFolder('reload');
  onTestFinished(() => folder.remove());
  const file = join(folder.path, 'wsgate.yaml');
  writeFileSync(file, limits(5));
  const gate = await serveOn(file);
  expect(await gate.limit()).toBe(5);

  const services = 'services: {chat: {endpoints: {static: [10.0.0.1:80]}}}\n';
  writeFileSync(file, `${limits(7)}${services}lease: {ttl: 40s}\n`);
  await expect.poll(gate.limit).toBe(7);
  await expect.poll(() => gate.said('need a restart')).toMatchObject([{ keys: ['lease.ttl'] }]);
  expect(gate.said('read again')).toMatchObject([{ changed: ['services', 'limits.pods'] }]);

  writeFileSync(file, `${limits(9)}log: {level: loud}\n`);
  await expect.poll(() => gate.said('nothing was changed')).toHaveLength(1);
  expect(gate.said('nothing was changed')).toMatchObject([
    { level: 50, mistakes: expect.stringContaining('log.level\n  found:    loud') },
  ]);
  expect(await gate.limit()).toBe(7);
  expect(await gate.lastReload()).toBe(0);

  writeFileSync(file, '\n');
  await expect.poll(() => gate.said('nothing was changed')).toHaveLength(2);
  expect(gate.said('nothing was changed').at(-1)).toMatchObject({ mistakes: expect.stringContaining('an empty file') });
  expect(await gate.limit()).toBe(7);

  writeFileSync(file, limits(9));
  gate.hangUp(); // at once, not only when the file is looked at
  await expect.poll(gate.limit).toBe(9);
  expect(await gate.lastReload()).toBe(1);
});

it('sees the file of a ConfigMap change: a link in a folder that is swapped', async () => {
  const folder = lendFolder('reload');
  onTestFinished(() => folder.remove());
  const version = (name: string, pod1: number) => {
    mkdirSync(join(folder.path, name));
    writeFileSync(join(folder.path, name, 'wsgate.yaml'), limits(pod1));
    symlinkSync(name, join(folder.path, 'new'));
    renameSync(join(folder.path, 'new'), join(folder.path, '..data'));
  };
  version('one', 5);
  symlinkSync('..data/wsgate.yaml', join(folder.path, 'wsgate.yaml'));
  const gate = await serveOn(join(folder.path, 'wsgate.yaml'));
  expect(await gate.limit()).toBe(5);
  version('two', 6);
  await expect.poll(gate.limit).toBe(6);
});

async function serveOn(file: string) {
  const http = `127.0.0.1:${await freePort()}`;
  const env = { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: http };
  const gate = await start({ name: 'gate', file: process.execPath, args: [MAIN, 'serve', '--config', file], env });
  onTestFinished(() => gate.stop());
  const said = (words: string) => {
    const lines = gate.lines().map((line) => JSON.parse(line) as { msg: string });
    return lines.filter(({ msg }) => msg.includes(words));
  };
  await untilReady(gate, async () => said('serving').length > 0);
  const figure = async (path: string, name: string) => (await readMetrics(`http://${http}${path}`))[name];
  return {
    said,
    limit: () => figure('/websocket/metrics', 'websocket_pod_limit{pod_id="pod1"}'),
    lastReload: () => figure('/metrics', 'wsgate_config_last_reload_successful'),
    hangUp: () => gate.kill('SIGHUP'),
  };
}
