/** What a request's query names: its keys, and pods (`?pods=a,b`, or the key more than once). */

import { type PodId, parsePodId } from '../admission/ids.ts';
import { NAMED_PODS_MAX } from './bodies.ts';

export function namedPods(
  pods: string | string[],
): { readonly names: readonly PodId[] } | { readonly mistake: string } {
  const texts = [...new Set([pods].flat().join().split(','))].filter((text) => text !== '');
  if (texts.length > NAMED_PODS_MAX)
    return { mistake: `pods names ${texts.length} pods: expected at most ${NAMED_PODS_MAX}` };
  const names = texts.map(parsePodId).filter((name) => name !== undefined);
  const wrong = texts.find((text) => !parsePodId(text));
  return wrong === undefined ? { names } : { mistake: noPodId(wrong) };
}

/** What is wrong with a query that has a key which the route does not know. */
export function unknownKey(query: object, known: readonly string[]): string | undefined {
  const wrong = Object.keys(query).find((key) => !known.includes(key));
  if (wrong === undefined) return undefined;
  const expected = known.length === 0 ? 'none' : known.join(', ');
  return `${shown(wrong)} is no key of this query: expected ${expected}`;
}

export function noPodId(text: string): string {
  return `${shown(text)} is no pod id: expected 1 to 253 of A-Z a-z 0-9 . _ : -`;
}

export function shown(text: string | undefined): string {
  return JSON.stringify((text ?? '').slice(0, 100));
}
