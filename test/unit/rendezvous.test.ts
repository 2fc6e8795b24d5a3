import { expect, it } from 'vitest';
import { rankedFor } from '../../src/admission/rendezvous.ts';
import { podsOf, serviceId } from '../support/names.ts';

const all = podsOf(serviceId('chat'), 11);
const limits = (pods: typeof all) => new Map(pods.map((pod) => [pod, 5]));
const keys = Array.from({ length: 1000 }, (_, i) => `user-${i}`);
const firstOf = (pods: typeof all) => {
  const known = limits(pods);
  return keys.map((key) => rankedFor(key, known, 5)[0]);
};

it('a pod that comes takes its part of the keys, and no other key moves', () => {
  const before = firstOf(all.slice(0, 10));
  const after = firstOf(all);
  const moved = after.filter((pod, i) => pod !== before[i]);
  expect(moved.length).toBeLessThanOrEqual((1.3 / 11) * keys.length);
  expect(new Set(moved)).toEqual(new Set([all[10]]));
});

it('keys spread evenly over the pods, those of a pod that went over all others', () => {
  const parts = (pods: typeof all) =>
    Object.values(Object.groupBy(firstOf(pods), (pod) => pod ?? '')).map((part = []) => part.length);
  for (const part of parts(all)) expect(part / keys.length).toBeGreaterThan(0.5 / 11);
  const heirs = keys.map((key) => rankedFor(key, limits(all), 2)).filter(([first]) => first === all[0]);
  expect(new Set(heirs.map(([, second]) => second)).size).toBe(10);
});

it('the order of a key is the same whatever order the pods are told in', () => {
  const told = limits(all.toReversed());
  for (const key of keys.slice(0, 50)) expect(rankedFor(key, told, 5)).toEqual(rankedFor(key, limits(all), 5));
  expect(rankedFor('a', limits(all), 5)).toHaveLength(5);
  expect(rankedFor('a', limits(all.slice(0, 2)), 5)).toHaveLength(2);
});
