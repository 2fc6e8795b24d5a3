import { expect, it } from 'vitest';
import { Limits } from '../../src/admission/limits.ts';
import { podId } from '../support/names.ts';

const limits = new Limits({
  default: { connections: 100 },
  pods: {
    'chat-*': { connections: 10 },
    'chat-eu-*': { connections: 20 },
    'chat-eu-1': { connections: 30 },
    '{game,play}-?': { connections: 40 },
    '.hidden*': { connections: 50 },
    closed: { connections: 0 },
  },
});

it.each([
  ['chat-eu-1', 30, 'its exact name comes first'],
  ['chat-eu-2', 20, 'of two globs the longer one counts'],
  ['chat-us-1', 10, 'a glob matches'],
  ['play-7', 40, 'braces and question marks match'],
  ['play-77', 100, 'a question mark is one character'],
  ['.hidden:8080', 50, 'a leading dot is a character like any other'],
  ['closed', 0, 'a limit of 0 is a limit'],
  ['other', 100, 'nothing matches, so the default counts'],
])('%s has the limit %i: %s', (pod, limit) => {
  expect(limits.of(podId(pod))).toBe(limit);
});

it('names the pods that have a limit of their own, and no glob', () => {
  expect([...limits.named()].sort()).toEqual(['chat-eu-1', 'closed']);
});
