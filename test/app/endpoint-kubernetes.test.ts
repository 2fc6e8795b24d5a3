/** A gate whose service has the pods of EndpointSlices. */

import { expect, it } from 'vitest';
import { checkOfService, newStream } from '../../lab/fleet/messages.ts';
import { startKubernetesApi } from '../support/kubernetes-api.ts';
import { sliceOf } from '../support/slices.ts';
import { inFolder, startSourced } from '../support/sourced.ts';

const [A, B, C] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const;

async function watched(which: object = { service: 'prod/chat' }) {
  const api = await startKubernetesApi();
  api.put(sliceOf('chat-1', [{ address: A }]));
  const kubeconfig = api.kubeconfig(inFolder()('kubeconfig'));
  const gate = await startSourced({ kubernetes: { ...which, port: 'ws', kubeconfig } });
  await expect.poll(gate.limit).toBe(2);
  return { api, gate };
}

it('follows the pods of a Service: they join when ready, and leave when they are not, or terminate', async () => {
  const { api, gate } = await watched();
  api.put(sliceOf('chat-1', [{ address: A }, { address: B, state: 'starting' }]));
  api.put(sliceOf('other', [{ address: C }], { metadata: { name: 'other', labels: {} } }));
  api.put(sliceOf('chat-1', [{ address: A }, { address: B }]));
  await expect.poll(() => gate.joined().at(-1)).toEqual([`${B}:8080`]);
  api.put(sliceOf('chat-1', [{ address: A, state: 'leaving' }, { address: B }]));
  await expect.poll(() => gate.said('have changed').at(-1)).toMatchObject({ joined: [], left: [`${A}:8080`] });
  api.put(sliceOf('chat-2', [{ address: C }]));
  api.remove('chat-1');
  await expect
    .poll(() => gate.said('have changed').at(-1))
    .toMatchObject({ joined: [`${C}:8080`], left: [`${B}:8080`] });
  expect(api.asked('list')).toBe(1);
});

it('a pod that comes back at the same address is another one', async () => {
  const { api, gate } = await watched();
  api.put(sliceOf('chat-1', [{ address: A, uid: 'new' }]));
  const both = { joined: [`${A}:8080`], left: [`${A}:8080`] };
  await expect.poll(() => gate.said('have changed').at(-1)).toMatchObject(both);
});

it('a service that is scaled to nothing has no pod: upgrades get 429', async () => {
  const { api, gate } = await watched({ namespace: 'prod', selector: 'app=chat' });
  api.remove('chat-1');
  await expect.poll(gate.limit).toBe(0);
  expect(await gate.check(checkOfService(newStream(), 'chat'))).toMatchObject({
    deniedResponse: { status: { code: 429 } },
  });
});

it('keeps what it knows while it may not ask, and lists anew when it may', async () => {
  const { api, gate } = await watched();
  api.answerWith(403);
  api.breakWatches();
  await expect
    .poll(() => gate.why().at(-1))
    .toContain('it answers 403. Expected: the right to list and watch endpointslices');
  expect(await gate.limit()).toBe(2);
  expect(await gate.unread()).toBe(1);
  api.put(sliceOf('chat-1', [{ address: A }, { address: B }]));
  api.answerWith(undefined);
  await expect.poll(gate.limit).toBe(4);
  expect(await gate.unread()).toBe(0);
});

it('goes on where it was when the API server ends a watch, and lists anew when that is gone (410)', async () => {
  const { api, gate } = await watched();
  const begun = api.asked('watch');
  api.endWatches();
  await expect.poll(() => api.asked('watch')).toBeGreaterThan(begun);
  api.put(sliceOf('chat-1', [{ address: A }, { address: B }]));
  await expect.poll(gate.limit).toBe(4);
  expect(api.asked('list')).toBe(1);

  api.put(sliceOf('other', [{ address: C }], { metadata: { name: 'other', labels: {} } })); // nobody hears of this version
  api.compact();
  api.endWatches();
  await expect.poll(() => api.asked('list')).toBe(2);
  api.put(sliceOf('chat-1', [{ address: B }]));
  await expect.poll(gate.limit).toBe(2);
  expect(gate.why()).toEqual([]);
});

it('a port that the slices do not have is told, and changes nothing', async () => {
  const { api, gate } = await watched();
  api.put(sliceOf('chat-1', [{ address: B }], { ports: [{ name: 'http', port: 80 }] }));
  await expect.poll(gate.why).toEqual([expect.stringContaining('has the ports: http (80). Expected: the port ws')]);
  expect(await gate.limit()).toBe(2);
});

it('says which kubeconfig it cannot read', async () => {
  const kubeconfig = inFolder()('absent');
  const gate = await startSourced({ kubernetes: { service: 'prod/chat', kubeconfig } });
  await expect
    .poll(gate.why)
    .toEqual([`the API server of Kubernetes: cannot read ${kubeconfig}: no such file or directory`]);
});
