import { expect, test } from 'vitest';
import { readEndpoints } from '../../src/endpoints/endpoint-list.ts';

test.each([
  ['YAML', '- 10.0.0.1:80\n- {address: "[2001:DB8::0:1]:80", connections: 5, zone: b}\n'],
  ['JSON', '["10.0.0.1:80", {"address": "[2001:DB8::0:1]:80", "connections": 5, "zone": "b"}]'],
])('a list in %s holds addresses, and maps of an address and what is said of it', (_, text) => {
  expect(readEndpoints(text, 'chat')).toEqual({
    ok: true,
    endpoints: [{ address: '10.0.0.1:80' }, { address: '[2001:db8::1]:80', connections: 5, zone: 'b' }],
  });
});

test.each([
  ['', 'chat', 'found:    an empty file', 'expected: a list of endpoints'],
  [' \n', 'chat', 'found:    an empty file', 'expected: a list of endpoints'],
  ['# soon\n', 'chat:1:1', 'found:    null', 'expected: a list of endpoints'],
  ['[]', 'chat:1:1', 'found:    []', 'expected: at least one address'],
  ['{pods: []}', 'chat:1:1', 'found:    {"pods":[]}', 'expected: a list of endpoints'],
  ['- 10.0.0.1:80\n- chat-1:80\n', 'chat:2:3: [1]', 'found:    "chat-1:80"', 'an address and port, such as'],
  ['["10.0.0.1:80",\n "10.0.0.2"]', 'chat:2:2: [1]', 'found:    "10.0.0.2"', 'an address and port, such as'],
  [
    '- {address: 10.0.0.1:80, connection: 5}\n',
    'chat:1:3: [0]',
    'connection',
    'no other keys than address, connections',
  ],
  ['- {address: 10.0.0.1:80, connections: few}\n', 'chat:1:3: [0]', '"few"', '{address: ADDRESS, connections: NUMBER'],
  ['- 10.0.0.1:80\n- {address: 10.0.0.1:80}\n', 'chat:2:3: [1]', '10.0.0.1:80', 'each address once'],
  ['- 10.0.0.1:80\n- [\n', 'chat:', '', 'valid YAML'],
])('a list is never %j: the mistake says where, what and why', (text, ...words) => {
  const read = readEndpoints(text, 'chat');
  expect(read.ok).toBe(false);
  for (const word of words) expect(read).toMatchObject({ mistakes: expect.stringContaining(word) });
});

test('of many mistakes the first ten are told', () => {
  const read = readEndpoints(JSON.stringify(Array.from({ length: 30 }, (_, index) => `pod-${index}`)), 'chat');
  expect(read.ok || read.mistakes.match(/expected:/g)).toHaveLength(10);
  expect(read).toMatchObject({ mistakes: expect.stringMatching(/and 20 more\n$/) });
});
