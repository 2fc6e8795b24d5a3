import { expect, test } from 'vitest';
import { codeOf, isUnfit } from '../../src/redis/replies.ts';

test.each([
  ['NOSCRIPT No matching script. Please use EVAL.', 'NOSCRIPT'],
  ['NOSCRIPT', 'NOSCRIPT'],
  ['-READONLY replica', 'READONLY'],
  ["OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:1.", 'OOM'],
  ['ERR Error running script (call to f_00): @user_script:9: -OOM command not allowed', 'OOM'],
  ['ERR Error running script (call to f_00): @user_script:9: @user_script: 9: -MISCONF disk', 'MISCONF'],
  ['LOADING Valkey is loading the dataset in memory', 'LOADING'],
  ['MOVED 3999 127.0.0.1:6381', 'MOVED'],
  ['ERR NOSCRIPT: unknown script', 'NOSCRIPT'],
  ["ERR unknown command 'evalsha', with args beginning with: 'f00' '1' 'ws:pod_conn:BUSY' 'BUSY'", undefined],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', undefined],
  ['ERR the server is loading', undefined],
])('%s', (text, code) => {
  expect(codeOf(text)).toBe(code);
});

test('a Redis that is full, does not know a script or sends us elsewhere is not unfit; one that takes no writes is', () => {
  for (const code of ['OOM', 'NOSCRIPT', 'MOVED', 'NOPERM']) expect(isUnfit(`${code} words`)).toBe(false);
  for (const code of ['READONLY', 'LOADING', 'MISCONF', 'NOREPLICAS']) expect(isUnfit(`${code} words`)).toBe(true);
});
