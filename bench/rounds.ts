/**
 * Rounds in which everything that is to be compared runs once. After one round that does not count, in which code gets compiled. Each round begins with another variant, so that
 * a machine that slowly gets busier, or one that is disturbed at intervals, is unfair to none of them.
 */

export async function inRounds<Name extends string, Variant, Result>(
  rounds: number,
  variants: Readonly<Record<Name, Variant>>,
  run: (variant: Variant, name: Name) => Promise<Result>,
): Promise<Record<Name, Result[]>> {
  const names = Object.keys(variants) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as Result[]])) as Record<Name, Result[]>;
  for (let round = -1; round < rounds; round += 1) {
    const first = Math.max(round, 0) % names.length;
    for (const name of [...names.slice(first), ...names.slice(0, first)]) {
      const result = await run(variants[name], name);
      if (round >= 0) results[name].push(result);
    }
  }
  return results;
}
