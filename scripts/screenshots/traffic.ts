/**
 * WebSockets that come and go for a while, as those of a service in the morning: ever more of them, in waves, with some
 * that leave and others in their place. They end as the playground's table. That fills a pod, so some are refused.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { type Client, closeAll, openEach } from '../../lab/fleet/clients.ts';
import { until } from '../../lab/fleet/processes.ts';
import { Random } from '../../lab/fleet/random.ts';
import { TABLE } from '../../lab/fleet/table.ts';

const TICK_S = 1;
/** From one wave to the next, as a part of the whole: each pod has its own. */
const WAVES = [0.45, 0.6, 0.8];
const LEAVE_CHANCE = 0.2;
const PATHS = ['chat', 'chat', 'feed', 'rooms/17', 'rooms/42', 'v2/updates'];
/** The table gives it as many as its limit; now and then somebody comes all the same. */
const FULL = 'pod2';
const TOO_MANY_CHANCE = 0.5;
const TABLE_DEADLINE_MS = 20_000;

interface Cell {
  readonly pod: string;
  /** Of the pod at the proxy, without the path. */
  readonly url: string;
  readonly waveS: number;
  /** How many it has in the end. */
  readonly count: number;
  readonly open: Client[];
}

/** `edges`: each proxy's address. Resolves with those that are open in the end. */
export async function comeAndGo(edges: Readonly<Record<string, string>>, seconds: number): Promise<Client[]> {
  const random = new Random(1);
  const cells = Object.entries(TABLE).flatMap(([proxy, pods]) =>
    Object.entries(pods).map(
      ([pod, count], index): Cell => ({
        pod,
        url: `${edges[proxy]}/${pod}`,
        waveS: seconds * (WAVES[index % WAVES.length] ?? 1),
        count,
        open: [],
      }),
    ),
  );
  for (let leftS = seconds; leftS > 0; leftS -= TICK_S) {
    for (const cell of cells) {
      if (random.chance(LEAVE_CHANCE)) await closeAll(cell.open.splice(random.below(cell.open.length), 1));
      await bringTo(cell, Math.round(cell.count * share(leftS, seconds, cell.waveS)), random);
    }
    if (random.chance(TOO_MANY_CHANCE)) await comeTooMany(cells, random);
    await delay(TICK_S * 1000);
  }
  // The slot of one that has just left is free a moment later.
  const isTable = async () => {
    for (const cell of cells) await bringTo(cell, cell.count, random);
    return cells.every(({ open, count }) => open.length === count);
  };
  await until('the table is open', isTable, TABLE_DEADLINE_MS);
  await comeTooMany(cells, random);
  return cells.flatMap(({ open }) => open);
}

/** Of what there is in the end, which is the top of a wave. */
function share(leftS: number, seconds: number, waveS: number): number {
  const ramp = 0.95 - (0.6 * leftS) / seconds;
  return Math.min(1, ramp + 0.2 * Math.cos((2 * Math.PI * leftS) / waveS));
}

async function bringTo({ url, open }: Cell, count: number, random: Random): Promise<void> {
  await closeAll(open.splice(count));
  const urls = Array.from({ length: count - open.length }, () => `${url}/${random.oneOf(PATHS)}`);
  open.push(...(await openEach(urls)).opened);
}

async function comeTooMany(cells: readonly Cell[], random: Random): Promise<void> {
  const full = cells.filter(({ pod }) => pod === FULL);
  if (!full.every(({ open, count }) => open.length === count)) return;
  const { opened } = await openEach([`${random.oneOf(full).url}/chat`]);
  await closeAll(opened); // one of the others had just left
}
