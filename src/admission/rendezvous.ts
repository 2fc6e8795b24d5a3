/**
 * Rendezvous hashing: each key has an order of the pods of its own, which all gates find alike, and in which a pod that
 * comes or goes changes nothing for the others. So a pod that is added gets its part of the keys, and no other key moves.
 */

import type { PodId } from './ids.ts';

/** Of each set of pods: their hashes, so that only the key is hashed for an upgrade. */
const hashed = new WeakMap<ReadonlyMap<PodId, number>, { pods: readonly PodId[]; hashes: Uint32Array }>();

/** The first pods in the order of the key, `max` at most. */
export function rankedFor(key: string, among: ReadonlyMap<PodId, number>, max: number): PodId[] {
  const { pods, hashes } = hashesOf(among);
  const keyHash = hash(key);
  const best: { readonly at: number; readonly weight: number }[] = [];
  for (let at = 0; at < hashes.length; at += 1) {
    const weight = mix(keyHash ^ (hashes[at] ?? 0));
    const last = best[max - 1];
    if (last && last.weight >= weight) continue;
    const place = best.findIndex((each) => each.weight < weight);
    best.splice(place < 0 ? best.length : place, 0, { at, weight });
    if (best.length > max) best.pop();
  }
  return best.flatMap(({ at }) => pods[at] ?? []);
}

function hashesOf(among: ReadonlyMap<PodId, number>) {
  const known = hashed.get(among);
  if (known) return known;
  const pods = [...among.keys()].sort(); // so that all gates have them in one order, should two weigh the same
  const made = { pods, hashes: Uint32Array.from(pods, hash) };
  hashed.set(among, made);
  return made;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) sum = Math.imul(sum ^ text.charCodeAt(i), 0x01000193);
  return mix(sum);
}

/** The end of MurmurHash3: each bit of the result depends on all bits. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
