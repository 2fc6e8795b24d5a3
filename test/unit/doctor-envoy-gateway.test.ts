/** What the doctor finds in what Envoy Gateway renders of deploy/kubernetes/envoy-gateway. */

import { expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { examine } from '../../src/doctor/doctor.ts';
import { viewOf } from '../../src/doctor/envoy-view.ts';
import { envoyGateway } from '../control-planes/envoy-gateway.ts';
import { gateConfig, type Rendered, stored } from '../control-planes/recipes.ts';

function found(rendered: Rendered): string[] {
  const edge = { gate: '127.0.0.1:1', pods: { 'chat-0': 1, 'chat-1': 2 } };
  const view = viewOf('rendered', JSON.parse(envoyGateway(rendered)(edge)), 'edge-a');
  const loaded = loadConfig({ text: JSON.stringify(gateConfig('envoy-gateway')), env: {} });
  if (!view || !loaded.ok) throw new Error('a bootstrap and a configuration are understood');
  return examine([view], loaded.config, []).map(({ check }) => check);
}

it('nothing', () => {
  expect(found(stored('envoy-gateway'))).toEqual([]);
});

it('that one of its routes has no guard', () => {
  const text = JSON.stringify(stored('envoy-gateway'));
  const unguarded = text.replace('"envoy.filters.http.rbac":{"@type"', '"other":{"@type"');
  expect(unguarded).not.toBe(text);
  expect(found(JSON.parse(unguarded) as Rendered)).toEqual(['hold-unguarded']);
});
