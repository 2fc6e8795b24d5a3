import { expect, test } from 'vitest';
import { fieldsOf, judge } from '../../src/redis/fitness.ts';

const info = (lines: Record<string, string>) =>
  fieldsOf(
    Object.entries({
      run_id: 'f00',
      redis_version: '7.0.15',
      redis_mode: 'standalone',
      role: 'master',
      maxmemory: '0',
      ...lines,
    })
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join('# A section\r\n'),
  );

test.each([
  ['an ordinary master', info({}), 'standalone'],
  ['a master of a cluster', info({ redis_mode: 'cluster' }), 'cluster'],
  ['a Valkey, which gives the version of Redis that it is like', info({ redis_version: '7.2.4' }), 'standalone'],
  ['one that evicts, but has no limit', info({ maxmemory_policy: 'allkeys-lru' }), 'standalone'],
] as const)('%s is fit for leases', (_, fields, wanted) => {
  expect(judge(fields, wanted)).toEqual({});
});

test.each([
  ['a replica', info({ role: 'slave' }), /READONLY/],
  ['a Sentinel', info({ redis_mode: 'sentinel' }), /redis\+sentinel:/],
  ['a node of a cluster', info({ redis_mode: 'cluster' }), /redis\+cluster:/],
  ['a node of a Valkey cluster', { server_mode: 'cluster' }, /redis\+cluster:/],
  ['one that is too old', info({ redis_version: '6.2.14' }), /6\.2\.14.*7\.0 or newer/],
])('%s is not', (_, fields, why) => {
  expect(judge(fields, 'standalone').unfit).toMatch(why);
});

test('one that says nothing of itself is warned of, because it may evict', () => {
  expect(judge({}, 'standalone')).toEqual({ warning: expect.stringContaining('INFO tells no maxmemory-policy') });
});

test.each([
  ['any key', 'allkeys-lfu', 'forget leases'],
  ['what has a time to live', 'volatile-ttl', 'forget what gates tell each other'],
])('one that may evict %s is warned of', (_, policy, forgets) => {
  const { warning } = judge(info({ maxmemory: '9', maxmemory_policy: policy }), 'standalone');
  expect(warning).toContain(policy);
  expect(warning).toContain(forgets);
});
