/** The doctor reads what real Envoys say of themselves. */

import { describe, expect, it } from 'vitest';
import type { EdgeFile } from '../../../lab/fleet/edge.ts';
import { startEnvoy } from '../../../lab/fleet/envoy.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { examine } from '../../../src/doctor/doctor.ts';
import { viewOf } from '../../../src/doctor/envoy-view.ts';
import { text } from '../../../src/doctor/json.ts';
import { BROKEN_EDGES, BROKEN_HOLDS } from '../../support/broken-envoys.ts';

const SHIPPED: EdgeFile[] = ['edge.yaml', 'hold.yaml', 'edge-hold.yaml'];

it.each(SHIPPED)('nothing is found in the dump of an Envoy on envoy/%s', async (file) => {
  expect(await checksOf(file)).toEqual([]);
});

describe('what is found in a file is found in the dump of an Envoy on it:', () => {
  it.each(BROKEN_EDGES)('%s', async (_, check, mutate) => {
    expect(await checksOf('edge.yaml', mutate)).toEqual([check].flat());
  });

  it.each(BROKEN_HOLDS)('%s', async (_, check, mutate) => {
    expect(await checksOf('hold.yaml', mutate)).toEqual([check].flat());
  });
});

async function checksOf(file: EdgeFile, mutate: (typeof BROKEN_EDGES)[number][2] = () => {}) {
  // Nobody listens there.
  const gate = '127.0.0.1:1';
  const pods = { pod1: 1, pod2: 2, pod3: 3 };
  const envoy = await startEnvoy({
    proxyId: 'proxy_a',
    file,
    gate,
    pods,
    mutate,
  });
  try {
    const [dump, server] = await Promise.all(
      ['config_dump', 'server_info'].map(async (path) =>
        (await fetch(`http://127.0.0.1:${envoy.adminPort}/${path}`)).json(),
      ),
    );
    const view = viewOf('envoy', dump, text(server, 'command_line_options', 'service_node'));
    const loaded = loadConfig({ env: {} });
    if (!view || !loaded.ok) throw new Error('a dump of Envoy and no configuration are understood');
    return examine([view], loaded.config, []).map(({ check }) => check);
  } finally {
    await envoy.stop();
  }
}
