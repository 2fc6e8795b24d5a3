/**
 * Properties: what must hold whatever random steps are taken. A failure prints its seed, its path and the shortest
 * list of steps that still fails; `WSGATE_TEST_SEED=… npx vitest run FILE` takes the same steps again.
 *
 * Without a seed the steps are the same each time, so that a change passes or fails by what it changes;
 * `WSGATE_TEST_SEED=random` takes others, as `npm run night` does.
 */

import fc from 'fast-check';

const STEPS_MAX = 40;
const { WSGATE_TEST_SEED = '1', WSGATE_TEST_RUNS = '1' } = process.env;

export const testSeed = WSGATE_TEST_SEED === 'random' ? Date.now() % 2 ** 31 : Number(WSGATE_TEST_SEED);
/** `npm test` has 1. */
export const testRuns = Number(WSGATE_TEST_RUNS);

/** Something that happens in a world. */
export interface Step<World> {
  take(world: World): Promise<void>;
}

/** A kind of step, with its random arguments; the more weight, the more often it is taken. */
export function step<World, Args>(
  weight: number,
  name: string,
  args: { [K in keyof Args]: fc.Arbitrary<Args[K]> },
  take: (world: World, args: Args) => Promise<void>,
): fc.WeightedArbitrary<Step<World>> {
  const arbitrary = fc.record(args).map((drawn) => ({
    take: (world: World) => take(world, drawn),
    [fc.toStringMethod]: () => `${name} ${fc.stringify(drawn)}`,
  }));
  return { weight, arbitrary };
}

export function stepsOf<World>(...kinds: fc.WeightedArbitrary<Step<World>>[]): fc.Arbitrary<Step<World>[]> {
  return fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: STEPS_MAX, size: 'max' });
}

/** `runs` are those of `npm test`; with `WSGATE_TEST_RUNS=10` there are ten times as many. */
export async function assertHolds<T>(property: fc.IAsyncProperty<T>, runs: number): Promise<void> {
  await fc.assert(property, { numRuns: runs * testRuns, seed: testSeed });
}
