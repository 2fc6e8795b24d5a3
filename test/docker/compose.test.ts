/** The images and the compose file, for real: built, brought up, driven with WebSockets, taken down. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readMetrics } from '../../lab/fleet/metrics.ts';
import { until } from '../../lab/fleet/processes.ts';
import { findCompose } from './compose.ts';

const BUILD_DEADLINE_MS = 600_000;
const fleetMetrics = () => readMetrics('http://127.0.0.1:7071/websocket/metrics');

const found = await findCompose();
if (!found.ok) console.warn(`skipped: ${found.why}`);

describe.skipIf(!found.ok)('docker-compose.yml', () => {
  beforeAll(async () => {
    if (!found.ok) return;
    await found.compose.up();
    for (const port of [10_001, 10_002, 10_003]) {
      for (const pod of ['pod1', 'pod2', 'pod3']) {
        const url = `http://127.0.0.1:${port}/${pod}/`;
        await until(`${url} answers 200`, async () => (await statusOf(url)) === 200, 30_000);
      }
    }
  }, BUILD_DEADLINE_MS);

  afterAll(async () => {
    if (!found.ok) return;
    await found.compose.down();
  }, 120_000);

  it('serves the dashboard', async () => {
    const answer = await fetch('http://127.0.0.1:7071/');
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('<title>wsgate</title>');
  });

  it('counts the table over three Envoys, and frees every slot of it', { timeout: 60_000 }, async () => {
    const traffic = runTraffic('--scenario', 'table', '--hold', '5s'); // long enough to be seen
    await expect.poll(fleetMetrics, { timeout: 30_000 }).toMatchObject({
      'websocket_pod_connections{pod_id="pod1"}': 75,
      'websocket_pod_connections{pod_id="pod2"}': 100,
      'websocket_pod_connections{pod_id="pod3"}': 65,
      'websocket_proxy_connections{proxy_id="proxy_a"}': 80,
      'websocket_proxy_connections{proxy_id="proxy_b"}': 85,
      'websocket_proxy_connections{proxy_id="proxy_c"}': 75,
    });
    const { code, output } = await traffic;
    expect(code, output).toBe(0);
    await expect
      .poll(async () => connections(await fleetMetrics()), { timeout: 5_000 })
      .toSatisfy((counts: number[]) => counts.every((count) => count === 0));
  });
});

/** Undefined: nobody answers, which is expected of an Envoy that is starting. */
async function statusOf(url: string): Promise<number | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await answer.text();
    return answer.status;
  } catch {
    return undefined;
  }
}

function connections(metrics: Readonly<Record<string, number>>): number[] {
  return Object.entries(metrics).flatMap(([name, value]) =>
    name.startsWith('websocket_pod_connections') ? [value] : [],
  );
}

async function runTraffic(...args: string[]): Promise<{ code: number | null; output: string }> {
  const script = fileURLToPath(new URL('../../scripts/traffic.ts', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'close');
  return { code: child.exitCode, output };
}
