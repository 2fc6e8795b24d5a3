/** A fleet on a recipe: with the gate's shipped defaults, and no setting but those of the recipe. */

import { type Client, closeAll } from '../../lab/fleet/clients.ts';
import { Fleet, type FleetOptions } from '../../lab/fleet/fleet.ts';
import { until } from '../../lab/fleet/processes.ts';
import { gateConfig, type Recipe } from './recipes.ts';

/** A store that is new is not trusted before. */
export const RECOVERY_MS = 45_000;

/** Nobody is there to recover, where a test is not about that. */
const NOTHING_TO_RECOVER = { recovery: '0s' };

/** Ready to admit. */
export async function startRecipe(
  recipe: Recipe,
  options: FleetOptions,
  lease: object = NOTHING_TO_RECOVER,
): Promise<Fleet> {
  const shipped = gateConfig(recipe);
  const config = { ...shipped, lease: { ...shipped.lease, ...lease } };
  const fleet = await Fleet.start({ store: 'redis', pods: ['chat-0', 'chat-1'], config, patient: false, ...options });
  const isAdmitted = async () => {
    const { opened } = await fleet.open(1, '/chat-1/');
    await closeAll(opened);
    return opened.length === 1;
  };
  try {
    await until('a store that is new is trusted', isAdmitted, RECOVERY_MS);
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

/** What plain HTTP answers. */
export async function plain(fleet: Fleet): Promise<string> {
  return (await fetch(`http://127.0.0.1:${fleet.envoy.port}/chat-0/`)).text();
}

export function isOpen({ readyState, OPEN }: Client): boolean {
  return readyState === OPEN;
}
