/** The hold door, on a real Envoy: one stream for each WebSocket, open for exactly as long. */

import { afterEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../lab/fleet/clients.ts';
import type { EdgeFile } from '../../lab/fleet/edge.ts';
import { Fleet, type FleetOptions, stores } from '../../lab/fleet/fleet.ts';

let fleet: Fleet;
afterEach(() => fleet.stop());

const LIMIT = { limits: { default: { connections: 5 } } };

async function start(options: FleetOptions): Promise<void> {
  fleet = await Fleet.start(options);
}

describe.each(['hold.yaml', 'edge-hold.yaml'] as const satisfies EdgeFile[])('with envoy/%s', (file) => {
  describe.each(stores)('on the %s store', (store) => {
    it('as many get in as the limit says, and each slot is free when its WebSocket ends', async () => {
      await start({ file, store, config: LIMIT });
      const { opened, refused } = await fleet.open(15);
      expect(opened).toHaveLength(5);
      expect(refused.map(({ status, body }) => `${status} ${body}`)).toEqual(
        Array(10).fill('429 {"error":"LIMIT_EXCEEDED","retry_after":5}'),
      );
      await fleet.settlesAt(5);
      const [polite, rude] = opened;
      if (polite) await closeAll([polite]);
      await fleet.settlesAt(4);
      rude?.reset();
      await fleet.settlesAt(3);
      fleet.pod.closeAll();
      await fleet.settlesAt(0);
    });
  });
});
