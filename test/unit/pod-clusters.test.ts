import { expect, it } from 'vitest';
import { PodClusters } from '../../src/envoy/pod-clusters.ts';
import { pod1, pod2, proxyA, proxyB } from '../support/names.ts';

/** What is said of connections of one pod that began one after the other, and went to these clusters. */
function said(...clusters: string[]) {
  const seen = new PodClusters();
  return clusters.map((cluster, i) => seen.went(proxyA, pod1, cluster, i + 1));
}

it('new connections of a pod that go to one cluster, to another and to the first again go to several', () => {
  expect(said('a', 'a', 'b', 'b', 'a')).toEqual([undefined, undefined, undefined, undefined, ['a', 'b']]);
  expect(said('a', 'b', 'c', 'a').at(-1)).toEqual(['a', 'b', 'c']);
});

it('those that all go to another one from some moment on do not: the configuration has changed', () => {
  expect(said('a', 'a', 'b', 'b', 'c')).toEqual(Array(5).fill(undefined));
});

it('what is told late of an older connection is no sign, nor are other pods and other Envoys', () => {
  const seen = new PodClusters();
  expect([
    seen.went(proxyA, pod1, 'a', 1),
    seen.went(proxyA, pod1, 'b', 3),
    seen.went(proxyA, pod1, 'a', 2),
    seen.went(proxyA, pod2, 'a', 4),
    seen.went(proxyB, pod1, 'a', 5),
  ]).toEqual(Array(5).fill(undefined));
});
