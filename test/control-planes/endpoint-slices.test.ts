/** The pods of a service as a real API server of Kubernetes has them, with no right but those of the shipped Role. */

import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { DiscoveryV1Api, KubernetesObjectApi, loadAllYaml, type V1EndpointSlice } from '@kubernetes/client-node';
import { afterEach, expect, it, vi } from 'vitest';
import type { Fleet } from '../../lab/fleet/fleet.ts';
import type { Pod } from '../../lab/fleet/pod.ts';
import { rollAll, startToRoll } from '../support/rolling.ts';
import { sliceOf } from '../support/slices.ts';
import { type Kubernetes, ownAddress, startKubernetes } from './kubernetes.ts';

vi.setConfig({ testTimeout: 300_000 });

const ROLE = new URL('../../deploy/kubernetes/endpointslices.yaml', import.meta.url);
/** From when a pod terminates until it closes its connections: Kubernetes' own preStop hooks wait for longer. */
const GRACE_MS = 500;

const host = ownAddress();
let fleet: Fleet | undefined;
afterEach(() => fleet?.stop());

it('ten pods are restarted one by one under connections: no upgrade fails, and the old pods end at 0', async () => {
  const kubernetes = await startKubernetes(process.env.WSGATE_KUBERNETES ?? '');
  await kubernetes.admin.makeApiClient(KubernetesObjectApi).create({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'prod' },
  });
  const endpoints = { kubernetes: { service: 'prod/chat', port: 'ws', kubeconfig: kubernetes.gateConfig } };
  const rolled = await startToRoll({ endpoints }, { podHost: host });
  fleet = rolled;
  const said = (words: string) =>
    rolled.gates.map((gate) => gate.logs().filter(({ msg }) => String(msg).includes(words)));
  const bothSay = (words: string, times = 1) =>
    expect
      .poll(() => Math.min(...said(words).map((lines) => lines.length)), { timeout: 60_000 })
      .toBeGreaterThanOrEqual(times);
  const limit = async () => (await rolled.gateAt(1).metrics())['websocket_service_limit{service="chat"}'];

  await bothSay('cannot be read');
  expect(JSON.stringify(said('cannot be read'))).toContain('it answers 403. Expected: the right to list and watch');
  const objects = kubernetes.admin.makeApiClient(KubernetesObjectApi);
  for (const object of loadAllYaml(readFileSync(ROLE, 'utf8'))) await objects.create(object);
  await bothSay('can be read');

  const slices = slicesIn(kubernetes);
  let step = 0;
  await rollAll(rolled, host, async (ready, leaving) => {
    step += 1;
    for (const pod of ready) await slices.put(pod, 'ready');
    for (const pod of leaving) await slices.put(pod, 'leaving');
    if (step === 1) await expect.poll(limit).toBe(100);
    if (step === 5) {
      await kubernetes.restart(); // gates place on while it is away, and go on afterwards
      await bothSay('cannot be read', 2);
      await bothSay('can be read', 2);
    }
    await pause(GRACE_MS);
    for (const pod of leaving) await slices.remove(pod);
  });
});

/** One for each pod: they have ports of their own. */
function slicesIn({ admin }: Kubernetes) {
  const api = admin.makeApiClient(DiscoveryV1Api);
  const known = new Map<string, 'ready' | 'leaving'>();
  const sliceFor = ({ name, port }: Pod, state: 'ready' | 'leaving'): V1EndpointSlice =>
    sliceOf(name, [{ address: host, state, uid: `uid of ${name}` }], { ports: [{ name: 'ws', port }] });
  return {
    async put(pod: Pod, state: 'ready' | 'leaving'): Promise<void> {
      const { name } = pod;
      const before = known.get(name);
      if (before === state) return;
      known.set(name, state);
      const body = sliceFor(pod, state);
      if (before) await api.replaceNamespacedEndpointSlice({ namespace: 'prod', name, body });
      else await api.createNamespacedEndpointSlice({ namespace: 'prod', body });
    },
    async remove({ name }: Pod): Promise<void> {
      await api.deleteNamespacedEndpointSlice({ namespace: 'prod', name });
    },
  };
}
