import { describe, expect, test } from 'vitest';
import { describeConfig, describeMistakes } from '../../src/config/describe.ts';
import { leaves } from '../../src/config/keys.ts';
import { type ConfigInput, loadConfig } from '../../src/config/load.ts';
import type { Mistake } from '../../src/config/mistakes.ts';
import type { Config } from '../../src/config/schema.ts';
import { knownVariables } from '../../src/config/variables.ts';

const TOKEN = 'correct-horse-battery';

function configOf(input: Partial<ConfigInput>): Config {
  const loaded = loadConfig({ env: {}, ...input });
  if (!loaded.ok) throw new Error(describeMistakes(loaded.mistakes));
  return loaded.config;
}

function mistakesOf(input: Partial<ConfigInput>): readonly Mistake[] {
  const loaded = loadConfig({ file: 'wsgate.yaml', env: {}, ...input });
  return loaded.ok ? [] : loaded.mistakes;
}

describe('where a value comes from', () => {
  test('a variable wins over the file, key by key', () => {
    const { lease } = configOf({ text: 'lease: {ttl: 30s, grace: 10m}', env: { WSGATE_LEASE_TTL: '40s' } });
    expect(lease).toMatchObject({ ttl: 40_000, grace: 600_000 });
  });

  test('an empty variable counts as absent, even one that names no key', () => {
    const env = { WSGATE_LEASE_TTL: '', WSGATE_NO_SUCH_KEY: '', REDIS_URL: '' };
    expect(configOf({ text: 'lease: {ttl: 30s}', env })).toEqual(configOf({ text: 'lease: {ttl: 30s}' }));
  });

  test.each([
    [{ REDIS_URL: 'redis://c' }, '', 'c'],
    [{ REDIS_URL: 'redis://c' }, 'store: {url: "redis://b"}', 'b'],
    [{ REDIS_URL: 'redis://c', WSGATE_STORE_URL: 'redis://a' }, 'store: {url: "redis://b"}', 'a'],
  ])('with the variables %o and the file %j the store is %s', (env, text, host) => {
    expect(configOf({ env, text }).store.url).toMatchObject({ host });
  });

  test.each(['', '# nothing', '---', 'store:', 'listen:\nlease:\n  # ttl: 5s\n'])(
    'a file of %j is the defaults',
    (text) => {
      expect(configOf({ text })).toEqual(configOf({}));
    },
  );

  test.each([
    ['WSGATE_LISTEN_GRPC', 'unix:/g', { listen: { grpc: { kind: 'unix', path: '/g' } } }],
    ['WSGATE_LISTEN_MESSAGE_BYTES_MAX', '2MiB', { listen: { messageBytesMax: 2_097_152 } }],
    ['WSGATE_DENY_RETRY_AFTER', '7s', { deny: { retryAfter: 7_000 } }],
    ['WSGATE_DENY_STATUS', '503', { deny: { status: 503 } }],
    ['WSGATE_STORE_INFO', 'false', { store: { info: false } }],
    ['WSGATE_PROXY_ID', '17', { proxy: { id: '17' } }],
    ['WSGATE_HTTP_TOKENS', `${TOKEN}-1, ${TOKEN}-2`, { http: { tokens: [`${TOKEN}-1`, `${TOKEN}-2`] } }],
    [
      'WSGATE_HTTP_TOKENS',
      `[{name: grafana, token: ${TOKEN}, scopes: [read]}]`,
      { http: { tokens: [{ name: 'grafana', token: TOKEN, scopes: ['read'] }] } },
    ],
    ['WSGATE_HTTP_OPEN', '[]', { http: { open: [] } }],
    ['WSGATE_HTTP_OPEN', 'health', { http: { open: ['health'] } }],
    ['WSGATE_LIMITS_DEFAULT_CONNECTIONS', '0', { limits: { default: { connections: 0 } } }],
    ['WSGATE_LIMITS_PODS', '{pod1: {connections: 5}}', { limits: { pods: { pod1: { connections: 5 } } } }],
    ['WSGATE_LIMITS_PODS', '{"1e3":{"connections":5}}', { limits: { pods: { '1e3': { connections: 5 } } } }],
    ['WSGATE_PODS_FROM', '[route, {header: x-pod}]', { pods: { from: ['route', { header: 'x-pod' }] } }],
    ['WSGATE_PODS_FROM', 'context,route', { pods: { from: ['context', 'route'] } }],
  ])('the variable %s may be %s', (name, value, config) => {
    expect(configOf({ env: { [name]: value } })).toMatchObject(config);
  });

  test('no two keys share a variable', () => {
    expect(new Set(knownVariables).size).toBe(leaves.length);
  });

  test('TLS may come from variables alone, and half of it is a mistake', () => {
    const env = { WSGATE_LISTEN_TLS_CERT: '/c', WSGATE_LISTEN_TLS_KEY: '/k' };
    expect(configOf({ env }).listen.tls).toEqual({ cert: '/c', key: '/k' });
    expect(mistakesOf({ env: { WSGATE_LISTEN_TLS_CERT: '/c' } })).toEqual([
      { path: 'listen.tls.key', expected: 'the path of a file', source: 'WSGATE_LISTEN_TLS_CERT' },
    ]);
  });

  test("Kubernetes' own variables for a Service named wsgate are none of ours", () => {
    const env = {
      WSGATE_SERVICE_HOST: '10.0.0.1',
      WSGATE_SERVICE_PORT: '7070',
      WSGATE_SERVICE_PORT_GRPC: '7070',
      WSGATE_PORT: 'tcp://10.0.0.1:7070',
      WSGATE_PORT_7070_TCP: 'tcp://10.0.0.1:7070',
      WSGATE_PORT_7070_TCP_PROTO: 'tcp',
      WSGATE_PORT_7070_TCP_PORT: '7070',
      WSGATE_PORT_7070_TCP_ADDR: '10.0.0.1',
    };
    expect(mistakesOf({ env })).toEqual([]);
    expect(mistakesOf({ env: { WSGATE_PORT: '7070' } })).toMatchObject([{ path: 'WSGATE_PORT' }]);
  });
});

describe('a mistake', () => {
  const at = (line: number, column: number) => `wsgate.yaml:${line}:${column}`;

  test.each<[string, string, Mistake[]]>([
    [
      'a value of the wrong kind',
      'deny:\n  status: full',
      [{ path: 'deny.status', value: 'full', expected: 'a whole number from 400 to 599', source: at(2, 11) }],
    ],
    [
      'a number out of range',
      'deny: {status: 200}',
      [{ path: 'deny.status', value: '200', expected: 'a whole number from 400 to 599', source: at(1, 16) }],
    ],
    [
      'a word that is no choice',
      'outage: {policy: maybe}',
      [{ path: 'outage.policy', value: 'maybe', expected: 'one of: share, deny, allow', source: at(1, 18) }],
    ],
    [
      'no value',
      'log:\n  level:',
      [
        {
          path: 'log.level',
          value: 'nothing',
          expected: 'one of: trace, debug, info, warn, error, fatal, silent',
          source: at(2, 9),
        },
      ],
    ],
    [
      'text for a boolean',
      'store: {info: "yes"}',
      [{ path: 'store.info', value: '"yes"', expected: 'true or false', source: at(1, 15) }],
    ],
    [
      'a prefix that would move the hash tag',
      'store: {prefix: "{ws}:"}',
      [
        {
          path: 'store.prefix',
          value: '"{ws}:"',
          expected: 'letters, digits, . _ : -, from 1 to 64',
          source: at(1, 17),
        },
      ],
    ],
    [
      'a misspelt key',
      'lease:\n  tll: 60s',
      [{ path: 'lease.tll', expected: 'a known key, perhaps ttl', source: at(2, 3) }],
    ],
    [
      'a misspelt section',
      'leases: {ttl: 60s}',
      [{ path: 'leases', expected: 'a known key, perhaps lease', source: at(1, 1) }],
    ],
    [
      'a key a level too high',
      'retryAfter: 5s',
      [{ path: 'retryAfter', expected: 'a known key, perhaps deny.retryAfter', source: at(1, 1) }],
    ],
    [
      'a key like no other',
      'stop: {colour: red}',
      [{ path: 'stop.colour', expected: 'one of the keys: deadline', source: at(1, 8) }],
    ],
    [
      'a key below a limit',
      'limits: {pods: {a: {connections: 1, conections: 2}}}',
      [{ path: 'limits.pods.a.conections', expected: 'a known key, perhaps connections', source: at(1, 37) }],
    ],
    [
      'a limit for a name with dots',
      'limits: {pods: {a.b: {connections: -1}}}',
      [
        {
          path: 'limits.pods["a.b"].connections',
          value: '-1',
          expected: 'a whole number from 0 to 1000000',
          source: at(1, 36),
        },
      ],
    ],
    [
      'a section that is no map',
      'lease: 60s',
      [{ path: 'lease', value: 'a string', expected: 'a map of keys', source: at(1, 8) }],
    ],
    ['a file that is no map', '- lease', [{ path: '', value: 'a list', expected: 'a map of keys', source: at(1, 1) }]],
    [
      'a key twice',
      'lease:\n  ttl: 30s\n  ttl: 60s',
      [{ path: 'lease.ttl', expected: 'each key once', source: at(3, 3) }],
    ],
    [
      'a pod twice',
      'limits: {pods: {a: {connections: 1}, a: {connections: 2}}}',
      [{ path: 'limits.pods.a', expected: 'each key once', source: at(1, 38) }],
    ],
    [
      'a name that JavaScript would lose',
      'limits: {pods: {__proto__: {connections: 1}}}',
      [{ path: 'limits.pods.__proto__', expected: 'another name', source: at(1, 17) }],
    ],
    [
      'an alias that leads nowhere',
      'lease: *none',
      [{ path: '', expected: 'valid YAML: aliases (*name) that lead to an anchor', source: at(1, 1) }],
    ],
    [
      'a tag',
      'proxy: {id: !me x}',
      [{ path: '', expected: 'valid YAML: a value that begins with ! needs quotes', source: at(1, 13) }],
    ],
  ])('is %s', (_, text, expected) => {
    expect(mistakesOf({ text })).toEqual(expected);
  });

  test.each(['lease: {ttl: 1s', 'a: b: c', 'lease:\n\tttl: 1s', 'a: 1\n---\nb: 2'])(
    'is YAML that does not parse: %j',
    (text) => {
      const mistakes = mistakesOf({ text });
      expect(mistakes).not.toEqual([]);
      for (const { path, expected, source } of mistakes) {
        expect(path).toBe('');
        expect(expected).toMatch(/^valid YAML: /);
        expect(source).toMatch(/^wsgate\.yaml:\d+:\d+$/);
      }
    },
  );

  test.each<[string, Record<string, string>, Mistake[]]>([
    [
      'a bad value',
      { WSGATE_LEASE_TTL: 'soon' },
      [
        {
          path: 'lease.ttl',
          value: 'soon',
          expected: expect.stringContaining('a duration'),
          source: 'WSGATE_LEASE_TTL',
        },
      ],
    ],
    [
      'a bad store',
      { REDIS_URL: 'localhost' },
      [{ path: 'store.url', value: '***', expected: expect.stringContaining('redis://'), source: 'REDIS_URL' }],
    ],
    [
      'no number',
      { WSGATE_DENY_STATUS: '0x1ad' },
      [
        {
          path: 'deny.status',
          value: '0x1ad',
          expected: 'a whole number from 400 to 599',
          source: 'WSGATE_DENY_STATUS',
        },
      ],
    ],
    [
      'no boolean',
      { WSGATE_STORE_INFO: 'no' },
      [{ path: 'store.info', value: 'no', expected: 'true or false', source: 'WSGATE_STORE_INFO' }],
    ],
    [
      'no map',
      { WSGATE_LIMITS_PODS: 'pod1' },
      [{ path: 'limits.pods', value: 'pod1', expected: 'a map of keys', source: 'WSGATE_LIMITS_PODS' }],
    ],
    [
      'a bad value within',
      { WSGATE_LIMITS_PODS: '{a: {connections: x}}' },
      [
        {
          path: 'limits.pods.a.connections',
          value: 'x',
          expected: 'a whole number from 0 to 1000000',
          source: 'WSGATE_LIMITS_PODS',
        },
      ],
    ],
    [
      'broken YAML',
      { WSGATE_PODS_FROM: '[route' },
      [{ path: 'pods.from', expected: expect.stringMatching(/^valid YAML: /), source: 'WSGATE_PODS_FROM' }],
    ],
    [
      'a misspelt name',
      { WSGATE_LEASE_TLL: '60s' },
      [
        {
          path: 'WSGATE_LEASE_TLL',
          expected: 'a known variable, perhaps WSGATE_LEASE_TTL',
          source: 'WSGATE_LEASE_TLL',
        },
      ],
    ],
    [
      'a name like no other',
      { WSGATE_X: '1' },
      [{ path: 'WSGATE_X', expected: 'a known variable', source: 'WSGATE_X' }],
    ],
  ])('in a variable is %s', (_, env, expected) => {
    expect(mistakesOf({ env })).toEqual(expected);
  });

  test.each<[string, string, Mistake[]]>([
    [
      'a reserve beyond the ttl',
      'lease: {reserve: 2m}',
      [{ path: 'lease.ttl', value: '1m (the default)', expected: 'at least lease.reserve', source: at(1, 18) }],
    ],
    [
      'a grace within the ttl',
      'lease: {ttl: 5m, grace: 5m}',
      [{ path: 'lease.grace', value: '5m', expected: 'longer than lease.ttl', source: at(1, 25) }],
    ],
    [
      "leases that nobody renews and that go before a dead proxy's",
      'lease: {unrenewedMax: 5m}',
      [{ path: 'lease.unrenewedMax', value: '5m', expected: 'longer than lease.grace', source: at(1, 23) }],
    ],
    [
      'a store slower than a reserved slot',
      'store: {deadline: 2s}\nlease: {reserve: 1s}',
      [
        {
          path: 'store.deadline',
          value: '2s',
          expected: expect.stringContaining('shorter than lease.reserve'),
          source: at(1, 19),
        },
      ],
    ],
    [
      'fewer cancelled streams at once than in a second',
      'listen: {streamResetBurst: 5000}',
      [
        {
          path: 'listen.streamResetBurst',
          value: '5000',
          expected: 'at least listen.streamResetRate: what is added each second has to fit',
          source: at(1, 28),
        },
      ],
    ],
    [
      'less room for unfinished messages than for one',
      'listen: {unfinishedBytesPerAddressMax: 512KiB}',
      [
        {
          path: 'listen.unfinishedBytesPerAddressMax',
          value: '512KiB',
          expected: 'at least listen.messageBytesMax',
          source: at(1, 40),
        },
      ],
    ],
    [
      'less room in all than for one address',
      'listen: {unfinishedBytesMax: 16MiB}',
      [
        {
          path: 'listen.unfinishedBytesMax',
          value: '16MiB',
          expected: 'at least listen.unfinishedBytesPerAddressMax',
          source: at(1, 30),
        },
      ],
    ],
    [
      'a password for Sentinels where there are none',
      'store: {url: "redis://h", sentinel: {password: hunter2}}',
      [
        {
          path: 'store.sentinel',
          value: 'a map',
          expected: expect.stringContaining('redis+sentinel://'),
          source: at(1, 37),
        },
      ],
    ],
    [
      'a file for the leases that are in Redis',
      'store: {url: "redis://h", file: /leases}',
      [
        {
          path: 'store.file',
          value: '/leases',
          expected: 'no such key beside store.url: the leases live in that Redis, and outlive the gate there',
          source: at(1, 33),
        },
      ],
    ],
    [
      'TLS files for a store without TLS',
      'store: {url: "redis://h", tls: {ca: /ca}}',
      [{ path: 'store.tls', value: 'a map', expected: expect.stringContaining('rediss://'), source: at(1, 32) }],
    ],
    [
      'a certificate without its key',
      'store: {url: "rediss://h", tls: {cert: /c}}',
      [{ path: 'store.tls.cert', value: '/c', expected: expect.stringContaining('both'), source: at(1, 40) }],
    ],
    [
      'one address for two servers',
      'listen: {http: "127.0.0.1:7070"}',
      [
        {
          path: 'listen.http',
          value: '"127.0.0.1:7070"',
          expected: 'another address than listen.grpc',
          source: at(1, 16),
        },
      ],
    ],
    [
      'a gRPC side that anybody can reach',
      'listen: {grpc: "0.0.0.0:7070"}',
      [
        {
          path: 'listen.grpc',
          value: '"0.0.0.0:7070"',
          expected: expect.stringContaining('listen.insecure: true'),
          source: at(1, 16),
        },
      ],
    ],
    [
      'an open door',
      'listen: {http: "0.0.0.0:7071"}',
      [
        {
          path: 'http.tokens',
          value: 'an empty list (the default)',
          expected: expect.stringContaining('at least one token'),
          source: at(1, 16),
        },
      ],
    ],
    [
      'one name for two tokens',
      `http: {tokens: [{name: a, token: ${TOKEN}-1, scopes: [read]}, {name: a, token: ${TOKEN}-2, scopes: [read]}]}`,
      [
        {
          path: 'http.tokens',
          value: 'a list',
          expected: 'names that differ: who did what is told by them',
          source: at(1, 16),
        },
      ],
    ],
  ])('between keys is %s', (_, text, expected) => {
    expect(mistakesOf({ text })).toEqual(expected);
  });

  test.each([
    'grpc: "unix:/run/wsgate/grpc.sock"',
    'grpc: "0.0.0.0:7070", insecure: true',
    'grpc: "0.0.0.0:7070", tls: {cert: /c, key: /k, ca: /a}',
  ])('is nothing wrong with %s', (listen) => {
    expect(mistakesOf({ text: `listen: {${listen}}` })).toEqual([]);
  });

  test.each(['localhost:7071', '[::1]:7071', '127.1.2.3:7071'])(
    'is no missing token while http listens on %s',
    (http) => {
      expect(mistakesOf({ text: `listen: {http: "${http}"}` })).toEqual([]);
    },
  );

  test('is no open door once there is a token', () => {
    expect(mistakesOf({ text: 'listen: {http: "0.0.0.0:7071"}', env: { WSGATE_HTTP_TOKENS: TOKEN } })).toEqual([]);
  });

  test('in a section of the file is told although a variable fills that section', () => {
    expect(mistakesOf({ text: 'lease: 60s', env: { WSGATE_LEASE_TTL: 'soon' } })).toMatchObject([
      { path: 'lease', value: 'a string', source: at(1, 8) },
      { path: 'lease.ttl', value: 'soon', source: 'WSGATE_LEASE_TTL' },
    ]);
  });

  test('never comes alone: all five are told at once, with those between keys', () => {
    const text = `
lease: {ttl: 10m, grac: 20m}
listen: {http: "0.0.0.0:7071"}
pods: {from: [route, {path: /ws}]}
`;
    const mistakes = mistakesOf({ text, env: { WSGATE_DENY_STATUS: 'x' } });
    expect(new Map(mistakes.map(({ path, source }) => [path, source]))).toEqual(
      new Map([
        ['lease.grac', at(2, 19)],
        ['lease.grace', at(2, 14)],
        ['http.tokens', at(3, 16)],
        ['pods.from[1].path', at(4, 29)],
        ['deny.status', 'WSGATE_DENY_STATUS'],
      ]),
    );
  });

  test('in the file does not hide those in variables, even when the file cannot be read', () => {
    const env = { WSGATE_LEASE_TTL: 'soon', WSGATE_LISTEN_HTTP: '0.0.0.0:1', WSGATE_OOPS: '1' };
    const paths = mistakesOf({ text: 'lease: {', env }).map(({ path }) => path);
    expect(new Set(paths)).toEqual(new Set(['', 'lease.ttl', 'WSGATE_OOPS']));
  });

  test.each([
    ['deny: {status: "503"}', '"503"'],
    ["deny: {status: '503'}", '"503"'],
    ['deny: {status: full}', 'full'],
    ['outage: {policy: "maybe"}', '"maybe"'],
    ['store: {url: "redis://user:correct-horse@/x"}', '"redis://***"'],
  ])('of %j shows %j: quotes as they stand there', (text, value) => {
    expect(mistakesOf({ text })).toMatchObject([{ value }]);
  });

  test('in a variable shows no quotes, because there are none', () => {
    const text = 'deny: {status: "503"}';
    expect(mistakesOf({ text, env: { WSGATE_DENY_STATUS: 'full' } })).toMatchObject([{ value: 'full' }]);
  });

  test.each([
    ['leas: {}', 'lease'],
    ['ttll: 60s', 'lease.ttl'],
    ['console: {}', 'hub.console'],
    ['store: {retry_after: 5s}', 'deny.retryAfter'],
    ['hub: {consol: {}}', 'console'],
    ['hub: {console: {pings: 1s}}', 'ping'],
    ['pods: {from: [route, {heder: x-pod}]}', 'header'],
  ])('by an unknown key, %j, says which one may be meant: %s', (text, meant) => {
    expect(mistakesOf({ text }).map(({ expected }) => expected)).toEqual([`a known key, perhaps ${meant}`]);
  });

  test('by an unknown key where names are free tells those of that place', () => {
    const mistakes = mistakesOf({ text: 'limits: {pods: {a: {connections: 1, limit: 3}}}' });
    expect(mistakes.map(({ expected }) => expected)).toEqual(['one of the keys: connections']);
  });

  test.each([
    ['WSGATE_TTL', 'WSGATE_LEASE_TTL'],
    ['WSGATE_LIMITS_CONNECTIONS', 'WSGATE_LIMITS_DEFAULT_CONNECTIONS'],
    ['WSGATE_RETRY', 'WSGATE_DENY_RETRY_AFTER'],
    ['WSGATE_STORE_DEADLIN', 'WSGATE_STORE_DEADLINE'],
  ])('by the unknown variable %s says that %s may be meant', (name, meant) => {
    expect(mistakesOf({ env: { [name]: '1' } })).toEqual([
      { path: name, expected: `a known variable, perhaps ${meant}`, source: name },
    ]);
  });

  test('by an unknown variable that is like none guesses nothing', () => {
    expect(mistakesOf({ env: { WSGATE_OOPS: '1' } })).toMatchObject([{ expected: 'a known variable' }]);
  });

  test('reads like this', () => {
    const text = 'lease:\n  ttl: 5\n  tll: 5s\n';
    expect(describeMistakes(mistakesOf({ text }))).toBe(
      `wsgate.yaml:2:8: lease.ttl
  found:    5
  expected: a duration, from 1ms to 24h, such as 250ms, 10s, 5m or 1h
wsgate.yaml:3:3: lease.tll
  expected: a known key, perhaps ttl
`,
    );
  });

  test('with control characters cannot steer the terminal', () => {
    expect(mistakesOf({ text: 'proxy: {id: "\\e[2J"}' })).toMatchObject([{ value: '"\\u001b[2J"' }]);
  });
});

describe('a secret', () => {
  test.each([
    ['a short token', 'http: {tokens: [hunter2]}'],
    ['a token with a blank', 'http: {tokens: ["hunter2 hunter2 hunter2"]}'],
    ['a token without its list', 'http: {tokens: hunter2}'],
    ['a token in a map', 'http: {tokens: {hunter2: hunter2}}'],
    ['a token in the wrong place', 'http: hunter2'],
    ['a token below a misspelt key', 'http: {token: [hunter2]}'],
    ['a token that reads as a tag', 'http: {tokens: [!hunter2]}'],
    ['a token that reads as an alias', 'http: {tokens: [*hunter2]}'],
    ['a token on a line that does not parse', 'http:\n  tokens: [hunter2\nlease: {'],
    ['a token among other mistakes', `http: {tokens: [hunter2${TOKEN}]}\nlease: {ttl: x}`],
    ['a short token with a name', 'http: {tokens: [{name: a, token: hunter2, scopes: [read]}]}'],
    ['a token with a misspelt scope', `http: {tokens: [{name: a, token: hunter2${TOKEN}, scopes: [reed]}]}`],
    ['a token without scopes', `http: {tokens: [{name: a, token: hunter2${TOKEN}}]}`],
    ['a token for its name', `http: {tokens: [{name: "hunter2 ${TOKEN}", token: ${TOKEN}, scopes: [read]}]}`],
    ['the password of a bad URL', 'store: {url: "redis://u:hunter2@h:x"}'],
    ['a URL in the wrong place', 'store: "redis://u:hunter2@h"'],
    ['a password of its own', 'store: {password: hunter2}'],
  ])('is not told in the mistake that is %s', (_, text) => {
    const mistakes = mistakesOf({ text });
    expect(mistakes).not.toEqual([]);
    expect(JSON.stringify(mistakes)).not.toContain('hunter2');
    expect(describeMistakes(mistakes)).not.toContain('hunter2');
  });

  test.each(['WSGATE_HTTP_TOKENS', 'WSGATE_HTTP_TOKEN', 'WSGATE_STORE_URL', 'REDIS_URL'])(
    'is not told when %s is wrong',
    (name) => {
      for (const value of ['hunter2', '[hunter2', '[*hunter2]', 'x://:hunter2@h']) {
        const mistakes = mistakesOf({ env: { [name]: value } });
        expect(mistakes).not.toEqual([]);
        expect(JSON.stringify(mistakes)).not.toContain('hunter2');
      }
    },
  );

  test('with a name and scopes is described by these', () => {
    const described = describeConfig(
      configOf({ text: `http: {tokens: [{name: a, token: ${TOKEN}, scopes: [read]}]}` }),
    );
    expect(described).not.toContain(TOKEN);
    expect(described).toContain('    - name: a\n      token: "***"\n      scopes:\n        - read\n');
  });

  test('is not told in the description of the configuration', () => {
    const store = '{url: "redis+sentinel://u:hunter2@h/main", sentinel: {password: hunter2}}';
    const described = describeConfig(configOf({ text: `http: {tokens: [${TOKEN}-1, ${TOKEN}-2]}\nstore: ${store}` }));
    expect(described).not.toContain('hunter2');
    expect(described).not.toContain(TOKEN);
    expect(described).toContain('url: redis+sentinel://u:***@h:26379/main/0');
    expect(described.match(/: "\*\*\*"/g)).toHaveLength(1);
    expect(described.match(/- "\*\*\*"/g)).toHaveLength(2);
  });
});

describe('the description of a configuration', () => {
  test('names every key, those that are not set as such', () => {
    const described = describeConfig(configOf({}));
    expect(described).toContain('  retryAfter: 5s\n');
    expect(described).toContain('  flowControlWindow: 64MiB\n');
    expect(described).toContain('# not set: store.url\n');
    for (const { path } of leaves) expect(described).toContain(path.at(-1));
  });

  test('is a file that means the same', () => {
    const text = `
listen: {grpc: "unix:/g", http: "[::1]:0", tls: {cert: /c, key: /k}}
proxy: {id: a}
store: {url: "rediss://h/2", tls: {ca: /ca}}
pods: {from: [{path: "/{pod}"}, {host: "{pod}.x"}, {header: h}, {fixed: p}]}
limits: {pods: {"a-*": {connections: 0}, "1": {connections: 7}}}
lease: {reserve: 1500ms}
`;
    const config = configOf({ text });
    expect(configOf({ text: describeConfig(config) })).toEqual(config);
  });
});
