/** envoy/edge.yaml and envoy/sidecar.yaml, on the real Envoy. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Document, parseDocument } from 'yaml';
import { closeAll, open } from '../../lab/fleet/clients.ts';
import { type Edge, EXT_AUTHZ, HTTP_MANAGER } from '../../lab/fleet/edge.ts';
import { envoyBinary, startEnvoy } from '../../lab/fleet/envoy.ts';
import { startPod } from '../../lab/fleet/pod.ts';
import { freePort } from '../../lab/fleet/processes.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseDuration } from '../../src/config/notations.ts';

describe.each(['edge.yaml', 'sidecar.yaml'])('envoy/%s', (name) => {
  const file = fileURLToPath(new URL(`../../envoy/${name}`, import.meta.url));
  const config = parseDocument(readFileSync(file, 'utf8'));

  it('is valid for the real Envoy, without a warning', async () => {
    const args = ['--mode', 'validate', '-c', file, '--log-level', 'warn', '--disable-hot-restart'];
    const { stdout, stderr } = await promisify(execFile)(envoyBinary(), args);
    expect(stdout.trim()).toBe(`configuration '${file}' OK`);
    expect(stderr).toBe('');
  });

  it('renews each lease four times within the gate’s ttl', () => {
    const flushMs = durationMs(config, [...HTTP_MANAGER, 'access_log_options', 'access_log_flush_interval']);
    expect(flushMs * 4).toBeLessThanOrEqual(defaults().lease.ttl);
  });

  it('waits longer for a Check than the gate waits for its store, and not for a part of that in each try', () => {
    const timeoutMs = durationMs(config, [...EXT_AUTHZ, 'grpc_service', 'timeout']);
    const tryMs = durationMs(config, [...EXT_AUTHZ, 'grpc_service', 'retry_policy', 'retry_back_off', 'max_interval']);
    expect(timeoutMs).toBeGreaterThan(2 * defaults().store.deadline);
    expect(tryMs).toBeGreaterThanOrEqual(timeoutMs);
  });
});

describe('an Envoy on edge.yaml', () => {
  it('takes /pod1 and what is below it for pod1, and not /pod10', async () => {
    const { url } = await envoyWithoutGate();
    expect(await textAt(`${url}/pod1`)).toBe('pod1: GET /pod1\n');
    expect(await textAt(`${url}/pod1/a?b=c`)).toBe('pod1: GET /pod1/a?b=c\n');
    expect(await textAt(`${url}/pod10/a`)).toBe('pod10: GET /pod10/a\n');
    expect((await fetch(`${url}/pod100`)).status).toBe(404);
  });

  it('refuses upgrades with 503 while no gate answers', async () => {
    const { url } = await envoyWithoutGate();
    const { opened, refused } = await open(`${url.replace('http', 'ws')}/pod1`, 3);
    expect(opened).toEqual([]);
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503]);
  });

  it('lets upgrades through while no gate answers, when told to', async () => {
    const { url, pod1 } = await envoyWithoutGate((config) => config.setIn([...EXT_AUTHZ, 'failure_mode_allow'], true));
    const { opened } = await open(`${url.replace('http', 'ws')}/pod1`, 3);
    expect(pod1.connections).toBe(3);
    await closeAll(opened);
  });
});

const KERNEL_SOCKETS = '/proc/net/tcp';

it.skipIf(!existsSync(KERNEL_SOCKETS))(
  'an Envoy on edge.yaml asks a silent pod after a minute whether it is there',
  async () => {
    const allow: Edge['mutate'] = (config) => config.setIn([...EXT_AUTHZ, 'failure_mode_allow'], true);
    const { url, pod1 } = await envoyWithoutGate(allow);
    const { opened } = await open(`${url.replace('http', 'ws')}/pod1`, 1);
    const [timer] = timersOfConnectionsTo(pod1.port);
    expect(timer?.kind).toBe('keepalive');
    expect(timer?.dueMs).toBeLessThanOrEqual(60_000);
    await closeAll(opened);
  },
);

const ESTABLISHED = '01';

/** What the kernel waits for, of each established connection to a port of this machine. */
function timersOfConnectionsTo(port: number) {
  const remote = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const lines = readFileSync(KERNEL_SOCKETS, 'utf8').split('\n');
  const columns = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , address, state]) => address === remote && state === ESTABLISHED);
  return columns.map(([, , , , , timer = '']) => {
    const [kind = '', ticks = ''] = timer.split(':');
    // 100 ticks a second, whatever the machine.
    return { kind: kind === '02' ? 'keepalive' : `timer ${kind}`, dueMs: Number.parseInt(ticks, 16) * 10 };
  });
}

async function envoyWithoutGate(mutate?: Edge['mutate']) {
  const [pod1, pod10] = await Promise.all([startPod({ name: 'pod1' }), startPod({ name: 'pod10' })]);
  onTestFinished(async () => {
    await Promise.all([pod1.stop(), pod10.stop()]);
  });
  const envoy = await startEnvoy({
    proxyId: 'proxy_a',
    gate: `127.0.0.1:${await freePort()}`,
    pods: { pod1: pod1.port, pod10: pod10.port },
    ...(mutate ? { mutate } : {}),
  });
  onTestFinished(() => envoy.stop());
  return { url: `http://127.0.0.1:${envoy.port}`, pod1 };
}

async function textAt(url: string): Promise<string> {
  return (await fetch(url)).text();
}

/** Envoy writes half a second as 0.5s, which the gate's own notation does not know. */
function durationMs(config: Document, path: (string | number)[]): number {
  const text = String(config.getIn(path));
  return parseDuration(text) ?? Number(text.replace(/s$/, '')) * 1000;
}

function defaults() {
  const loaded = loadConfig({ env: {} });
  if (!loaded.ok) throw new Error('the defaults are a configuration');
  return loaded.config;
}
