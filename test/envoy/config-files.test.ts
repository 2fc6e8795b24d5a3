/** envoy/edge.yaml and those like it, on the real Envoy. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Document, parseDocument } from 'yaml';
import { closeAll, open } from '../../lab/fleet/clients.ts';
import { type Edge, EXT_AUTHZ, HTTP_MANAGER } from '../../lab/fleet/edge.ts';
import { envoyBinary, startEnvoy } from '../../lab/fleet/envoy.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { startPod } from '../../lab/fleet/pod.ts';
import { freePort } from '../../lab/fleet/processes.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseDuration } from '../../src/config/notations.ts';

const fileOf = (name: string) => fileURLToPath(new URL(`../../envoy/${name}`, import.meta.url));
const configOf = (name: string) => parseDocument(readFileSync(fileOf(name), 'utf8'));
const ROUTE_OF_POD2 = ['route_config', 'virtual_hosts', 0, 'routes', 1];

describe.each(['edge.yaml', 'sidecar.yaml', 'placement.yaml'])('envoy/%s', (name) => {
  const file = fileOf(name);
  const config = configOf(name);

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

it.each(['sidecar.yaml', 'placement.yaml'])(
  'envoy/%s answers for a gate that is not there as edge.yaml does',
  (name) => {
    const [edge, other] = ['edge.yaml', name].map((name) =>
      String(configOf(name).getIn([...HTTP_MANAGER, 'local_reply_config'])),
    );
    expect(edge).toContain('retry-after');
    expect(other).toBe(edge);
  },
);

describe('an Envoy on edge.yaml', () => {
  it('takes /pod1 and what is below it for pod1, and not /pod10', async () => {
    const { url } = await envoyWithoutGate();
    expect(await textAt(`${url}/pod1`)).toBe('pod1: GET /pod1\n');
    expect(await textAt(`${url}/pod1/a?b=c`)).toBe('pod1: GET /pod1/a?b=c\n');
    expect(await textAt(`${url}/pod10/a`)).toBe('pod10: GET /pod10/a\n');
    expect((await fetch(`${url}/pod100`)).status).toBe(404);
  });

  it('refuses upgrades with 503 and retry-after while no gate answers', async () => {
    const { url } = await envoyWithoutGate();
    const { opened, refused } = await open(`${url.replace('http', 'ws')}/pod1`, 3);
    expect(opened).toEqual([]);
    const answers = refused.map(({ status, headers }) => `${status} ${headers['retry-after']}`);
    expect(answers).toEqual(['503 5', '503 5', '503 5']);
  });

  it('says nothing of retry-after in its own other answers', async () => {
    const { url } = await envoyWithoutGate();
    const { refused } = await open(`${url.replace('http', 'ws')}/nowhere`, 1);
    expect(refused.map(({ status, headers }) => `${status} ${headers['retry-after']}`)).toEqual(['404 undefined']);
  });

  it('leaves what a gate answers as it is', async () => {
    const config = { limits: { pods: { pod1: { connections: 0 } } }, deny: { retryAfter: '7s', status: 503 } };
    const mutate: Edge['mutate'] = (edge) => edge.deleteIn([...HTTP_MANAGER, ...ROUTE_OF_POD2, 'metadata']);
    const fleet = await Fleet.start({ pods: ['pod1', 'pod2'], config, mutate });
    onTestFinished(() => fleet.stop());
    const answers = [await fleet.open(1, '/pod1/'), await fleet.open(1, '/pod2/')].flatMap(({ refused }) => refused);
    expect(answers).toMatchObject([
      {
        status: 503,
        body: '{"error":"LIMIT_EXCEEDED","retry_after":7}',
        headers: { 'retry-after': '7', 'content-type': 'application/json' },
      },
      { status: 403, body: '{"error":"POD_UNKNOWN"}', headers: { 'content-type': 'application/json' } },
    ]);
    expect(answers[1]?.headers).not.toHaveProperty('retry-after');
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
