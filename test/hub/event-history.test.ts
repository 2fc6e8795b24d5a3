import { expect, it } from 'vitest';
import { cloudEvent } from '../../src/hub/events/cloud-event.ts';
import { EventHistory } from '../../src/hub/feeds/event-history.ts';
import { factsOf } from '../../src/hub/feeds/filters.ts';
import { incident } from './client.ts';

function delivery() {
  const event = cloudEvent.parse(incident());
  return { event, json: JSON.stringify(event), facts: factsOf(event), arrivedAtMs: 0 };
}

it('keeps the last events, by number and by id, and forgets those before', () => {
  const history = new EventHistory(3);
  const all = Array.from({ length: 5 }, delivery);
  for (const each of all) history.add(each);
  expect(history.next).toBe(5);
  expect([0, 1, 2, 3, 4, 5].map((number) => history.at(number))).toEqual([
    undefined,
    undefined,
    ...all.slice(2),
    undefined,
  ]);
  expect(all.map(({ event }) => history.numberOf(event.id))).toEqual([undefined, undefined, 2, 3, 4]);
  expect(all.map(({ event }) => history.has(event.id))).toEqual([false, false, true, true, true]);
});
