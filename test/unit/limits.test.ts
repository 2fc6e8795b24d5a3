import { expect, it } from 'vitest';
import { Limits } from '../../src/admission/limits.ts';
import { Services } from '../../src/admission/services.ts';
import { podId, serviceId } from '../support/names.ts';

const services = new Services();
const endpoints = [{ address: '10.0.0.1:80' }, { address: '10.0.0.2:80', connections: 7 }];
services.replace(new Map([[serviceId('chat'), { endpoints, connections: 60 }]]));
const limits = new Limits(
  {
    default: { connections: 100 },
    pods: {
      'chat-*': { connections: 10 },
      'chat-eu-*': { connections: 20 },
      'chat-eu-1': { connections: 30 },
      '{game,play}-?': { connections: 40 },
      '.hidden*': { connections: 50 },
      closed: { connections: 0 },
    },
  },
  services,
);

it.each([
  ['chat-eu-1', 30, 'its exact name comes first'],
  ['chat-eu-2', 20, 'of two globs the longer one counts'],
  ['chat-us-1', 10, 'a glob matches'],
  ['play-7', 40, 'braces and question marks match'],
  ['play-77', 100, 'a question mark is one character'],
  ['.hidden:8080', 50, 'a leading dot is a character like any other'],
  ['closed', 0, 'a limit of 0 is a limit'],
  ['other', 100, 'nothing matches, so the default counts'],
  ['chat/10.0.0.1:80', 60, 'its service gives it'],
  ['chat/10.0.0.2:80', 7, 'its service gives it one of its own'],
  ['chat/10.0.0.3:80', 60, 'it has left its service'],
  ['mail/10.0.0.3:80', 100, 'there is no such service'],
])('%s has the limit %i: %s', (pod, limit) => {
  expect(limits.of(podId(pod))).toBe(limit);
});

it('names the pods that have a limit of their own, and those of services, and no glob', () => {
  const ofService = ['chat/10.0.0.1:80', 'chat/10.0.0.2:80'];
  expect([...limits.named()].sort()).toEqual(['chat-eu-1', ...ofService, 'closed']);
});
