import { describe, expect, it } from 'vitest';
import { changesOf, type Levels, levelsOf } from '../../src/hub/figures/levels.ts';
import { pod1 } from '../support/names.ts';

/** Looks at one pod at each of the counts, and tells what is told each time. */
function told(limit: number | readonly number[], ...counts: number[]): string[] {
  let levels: Levels = {};
  return counts.map((connections, i) => {
    const now = typeof limit === 'number' ? limit : (limit[i] ?? 0);
    const pods = [{ pod: pod1, connections, limit: now, proxies: new Map() }];
    const next = levelsOf(pods, levels, 0.8);
    const changes = changesOf(pods, levels, next);
    levels = next;
    return changes.map(({ type }) => type).join();
  });
}

describe('a pod', () => {
  it('causes an event when it fills, when it is full, and when it has recovered', () => {
    expect(told(100, 0, 79, 80, 99, 100, 100, 50)).toEqual([
      '',
      '',
      'pod.filling',
      '',
      'pod.saturated',
      '',
      'pod.recovered',
    ]);
    expect(told(5, 3, 4, 5, 3)).toEqual(['', 'pod.filling', 'pod.saturated', 'pod.recovered']);
    expect(told(1, 0, 1, 0)).toEqual(['', 'pod.saturated', 'pod.recovered']);
  });

  it('on the edge causes one event', () => {
    expect(told(100, 80, 79, 80, 76, 80)).toEqual(['pod.filling', '', '', '', '']);
    expect(told(100, 100, 99, 100, 96, 100)).toEqual(['pod.saturated', '', '', '', '']);
    expect(told(100, 100, 94, 100)).toEqual(['pod.saturated', '', 'pod.saturated']);
    expect(told(100, 80, 74, 80)).toEqual(['pod.filling', 'pod.recovered', 'pod.filling']);
  });

  it('that is cordoned is not full', () => {
    const pods = [{ pod: pod1, connections: 3, limit: 0, isCordoned: true as const, proxies: new Map() }];
    expect(levelsOf(pods, {}, 0.8)).toEqual({ [pod1]: { level: 'normal', limit: 0 } });
  });

  it('over its limit is full, and an empty one with a limit of 0 is not', () => {
    expect(told(10, 12)).toEqual(['pod.saturated']);
    expect(told(0, 0, 1, 0)).toEqual(['', 'pod.saturated', 'pod.recovered']);
  });

  it('whose limit changed causes an event', () => {
    expect(told([100, 50, 50], 45, 45, 45)).toEqual(['', 'limit.changed,pod.filling', '']);
  });
});
