/** What scripts return, as what the store answers. */

import type { Answer } from '../../admission/lease-store.ts';

/** From a flat list, as Redis has maps and scored members. */
export function pairs<T>(flat: readonly T[]): [T, T][] {
  const result: [T, T][] = [];
  flat.forEach((second, i) => {
    const first = flat[i - 1];
    if (i % 2 === 1 && first !== undefined) result.push([first, second]);
  });
  return result;
}

export function map<T, U>(answer: Answer<T>, change: (value: T) => U): Answer<U> {
  return answer.ok ? { ok: true, value: change(answer.value) } : answer;
}
