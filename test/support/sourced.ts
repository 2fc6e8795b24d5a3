/** A gate whose service `chat` gets its endpoints from elsewhere than the configuration. */

import { join } from 'node:path';
import { afterEach, expect, onTestFinished } from 'vitest';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { readMetrics } from '../../lab/fleet/metrics.ts';
import { startTestApp, type TestApp } from './app.ts';

export const [A, B, C] = ['10.0.0.1:8080', '10.0.0.2:8080', '10.0.0.3:8080'] as const;

const gates: TestApp[] = [];
afterEach(async () => {
  await Promise.all(gates.splice(0).map((each) => each.stop()));
});

/** `endpoints`: of the configuration. Two connections for each. */
export const serviceEnv = (endpoints: unknown) => ({
  WSGATE_SERVICES: JSON.stringify({ chat: { endpoints, connections: 2 } }),
  WSGATE_LIMITS_PODS_MAX: '3',
});

export async function startSourced(endpoints: unknown, env: Record<string, string> = {}) {
  const gate = await startTestApp({ ...serviceEnv(endpoints), ...env });
  gates.push(gate);
  await expect.poll(() => gate.store()).toBe('ok');
  const said = (words: string) => gate.logLines.filter(({ msg }) => String(msg).includes(words));
  return {
    ...gate,
    said,
    /** By the metrics: what all pods may have that take connections. */
    limit: async () => (await gate.fleet())['websocket_service_limit{service="chat"}'],
    unread: async () => (await readMetrics(`${gate.app.http}/metrics`)).wsgate_services_unread,
    why: () => said('cannot be read').map(({ why }) => why),
    joined: () => said('have changed').map(({ joined }) => joined),
  };
}

/** Returns the paths of names in a folder that is gone after the test. */
export function inFolder() {
  const folder = lendFolder('endpoints');
  onTestFinished(() => folder.remove());
  return (name: string) => join(folder.path, name);
}
