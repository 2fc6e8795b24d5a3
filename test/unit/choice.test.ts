import { describe, expect, it } from 'vitest';
import { chooseAmong } from '../../src/admission/choice.ts';
import type { Choice, Order } from '../../src/admission/lease-store.ts';
import { podsOf, serviceId } from '../support/names.ts';

const pods = podsOf(serviceId('chat'), 3);
const [podA, podB, podC] = pods;

/** Each pod with the limit 10. */
const choose = (choice: Choice, order: Order, ...counts: number[]) =>
  chooseAmong(
    counts.map((count, i) => ({ pod: pods[i] ?? expect.fail(), count, room: 10 - count })),
    choice,
    order,
  );

describe('of the pods that have room', () => {
  const zones = new Map(pods.map((pod, i) => [pod, i < 2 ? 'a' : 'b']));
  it.each([
    ['the one with the most', { pick: 'least' }, {}, [3, 1, 2], podB],
    ['the one with the least', { pick: 'pack' }, {}, [10, 1, 2], podC],
    ['the one with the most in the zone with the fewest connections', { pick: 'spread' }, { zones }, [2, 1, 4], podB],
    ['one in another zone, where that one is full', { pick: 'spread' }, { zones }, [9, 9, 10], podA],
    ['one below the soft limit', { pick: 'pack' }, { softLimit: 5 }, [9, 4, 3], podB],
    ['one above it, where none is below', { pick: 'pack' }, { softLimit: 5 }, [9, 8, 7], podA],
    ['the first that is asked for', { pick: 'least', first: [podC, podB] }, { softLimit: 1 }, [0, 1, 1], podC],
    [
      'the next that is asked for, where that one is full',
      { pick: 'least', first: [podC, podB] },
      {},
      [0, 1, 10],
      podB,
    ],
    ['none, where all are full', { pick: 'least' }, {}, [10, 10, 11], undefined],
  ] as [string, Choice, Order, number[], string | undefined][])('%s', (_, choice, order, counts, pod) => {
    expect(choose(choice, order, ...counts)).toBe(pod);
  });
});
