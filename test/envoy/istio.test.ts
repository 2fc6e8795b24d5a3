/**
 * deploy/kubernetes/istio as istiod's own generators have rendered it (test/control-planes/rendered), on a real Envoy.
 * `npm run test:control-planes` renders it anew, and asks more of it.
 */

import { afterEach, expect, it } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { istio } from '../control-planes/istio.ts';
import { gateConfig } from '../control-planes/recipes.ts';

let fleet: Fleet | undefined;
afterEach(() => fleet?.stop());

it('as many get in as the limit says, and nobody while no gate answers', async () => {
  const config = { ...gateConfig('istio'), limits: { default: { connections: 5 } } };
  const on = await Fleet.start({ store: 'redis', pods: ['chat-0', 'chat-1'], config, render: istio() });
  fleet = on;
  const { opened, refused } = await on.open(15, '/chat-0/');
  expect([opened.length, refused.map(({ status }) => status)]).toEqual([5, Array(10).fill(429)]);
  await on.settlesAt(5, 1000, 'chat-0');
  await closeAll(opened.slice(0, 2));
  // Istio's log waits for a second before it sends entries.
  await on.settlesAt(3, 2500, 'chat-0');
  await on.endGate('SIGKILL');
  expect((await on.open(2, '/chat-0/')).refused.map(({ status }) => status)).toEqual([503, 503]);
  const plain = await fetch(`http://127.0.0.1:${on.envoy.port}/chat-0/`);
  expect(await plain.text()).toBe('chat-0: GET /chat-0/\n');
  expect(opened.slice(2).map(({ readyState }) => readyState)).toEqual([1, 1, 1]);
});
