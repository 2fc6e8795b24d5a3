import { describe, expect, it } from 'vitest';
import { EventQueue, type Item } from '../../src/client/event-queue.ts';

const resync: Item = { kind: 'resync', reason: 'gone' };
const lagged: Item = { kind: 'lagged', missed: 5 };

function event(id: string): Item {
  const [severity, priority, time] = ['info', 'normal', '2026-01-02T03:04:05Z'];
  return {
    kind: 'event',
    event: { specversion: '1.0', id, source: 's', type: 't', time, severity, priority, data: {} },
  };
}

async function readAll(queue: EventQueue): Promise<string[]> {
  const read: string[] = [];
  for await (const item of queue) {
    read.push(item.kind === 'event' ? item.event.id : item.kind === 'lagged' ? `lagged ${item.missed}` : item.kind);
  }
  return read;
}

describe('what makes room', () => {
  it.each([
    ['events', [event('a'), event('b'), event('c'), event('d')], ['lagged 2', 'c', 'd']],
    ['what the gate had lost', [lagged, event('a'), event('b'), event('c')], ['lagged 6', 'b', 'c']],
    ['a resync', [resync, event('a'), event('b'), event('c')], ['resync', 'lagged 1', 'b', 'c']],
  ])('is told: %s', async (_what, items, expected) => {
    const queue = new EventQueue(2, () => {});
    for (const item of items) queue.push(item);
    queue.close();
    expect(await readAll(queue)).toEqual(expected);
  });
});

it('two resyncs without an event between them become one', async () => {
  const queue = new EventQueue(10, () => {});
  for (const item of [resync, resync, event('a'), resync]) queue.push(item);
  queue.close();
  expect(await readAll(queue)).toEqual(['resync', 'a', 'resync']);
});

it('a waiting reader gets what comes, and nothing after the end', async () => {
  let left = 0;
  const queue = new EventQueue(10, () => {
    left += 1;
  });
  const read = readAll(queue);
  queue.push(event('a'));
  queue.close();
  queue.close();
  queue.push(event('b'));
  expect(await read).toEqual(['a']);
  expect(left).toBe(1);
});
