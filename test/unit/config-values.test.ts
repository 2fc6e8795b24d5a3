import { describe, expect, test } from 'vitest';
import { formatAddress, isLoopback, parseAddress, parseTcpAddress } from '../../src/config/address.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatDuration, formatSize, parseDuration, parseSize } from '../../src/config/notations.ts';
import { toNotation } from '../../src/config/schema.ts';
import { formatStoreUrl, maskStoreUrl, parseStoreUrl } from '../../src/config/store-url.ts';

describe('a duration', () => {
  test.each([
    ['1ms', 1],
    ['250ms', 250],
    ['10s', 10_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['0s', 0],
  ])('%s is read as %i ms, and written so again', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(parseDuration(formatDuration(ms))).toBe(ms);
  });

  test.each(['', '10', '1.5s', '-1s', '+1s', '1e3s', '10 s', '10S', '1d', 's', '10s ', '1m30s', '99999999999999s'])(
    'is never %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  test.each([
    [90_000, '90s'],
    [60_000, '1m'],
    [1_500, '1500ms'],
    [86_400_000, '24h'],
  ])('of %i ms is written %s: in the largest unit without a remainder', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  test.each(['0s', '0ms', '25h', '596524h', '-5s', '5', '1.5s'])('of %s is refused for a key', (text) => {
    expect(loadConfig({ text: `stop: {deadline: ${text}}`, env: {} })).toMatchObject({
      ok: false,
      mistakes: [{ path: 'stop.deadline', value: text, expected: expect.stringContaining('from 1ms to 24h') }],
    });
  });

  test.each(['500ms', '1500ms'])('of %s is refused for Retry-After, which counts in seconds', (text) => {
    expect(loadConfig({ text: `deny: {retryAfter: ${text}}`, env: {} })).toMatchObject({
      ok: false,
      mistakes: [{ path: 'deny.retryAfter', value: text, expected: expect.stringContaining('in steps of 1s') }],
    });
  });
});

describe('a size', () => {
  test.each([
    ['64MiB', 67_108_864],
    ['512KiB', 524_288],
    ['1GiB', 1_073_741_824],
    ['1000B', 1_000],
  ])('%s is %i bytes, and is written so again', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
    expect(formatSize(bytes)).toBe(text);
  });

  test.each(['64', '64MB', '64mib', '1.5MiB', '-1MiB'])('is never %s', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

describe('an address', () => {
  test.each([
    ['127.0.0.1:7070', { kind: 'tcp', host: '127.0.0.1', port: 7070 }],
    ['[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
    ['gate.internal:65535', { kind: 'tcp', host: 'gate.internal', port: 65_535 }],
    ['unix:/run/wsgate.sock', { kind: 'unix', path: '/run/wsgate.sock' }],
  ])('%s is understood, and written so again', (text, address) => {
    const parsed = parseAddress(text);
    expect(parsed).toEqual(address);
    expect(parsed && formatAddress(parsed)).toBe(text);
  });

  test.each([
    '7070',
    ':7070',
    'host',
    'host:',
    'host:65536',
    '::1:7070',
    '[::1]',
    '[gate]:1',
    'unix:run',
    'unix:',
    'http://h:1',
  ])('is never %s', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  test('of a socket is no longer than the kernel takes', () => {
    expect(parseAddress(`unix:/${'a'.repeat(106)}`)).toBeDefined();
    expect(parseAddress(`unix:/${'a'.repeat(107)}`)).toBeUndefined();
  });

  test.each([
    ['127.0.0.1:1', true],
    ['127.9.9.9:1', true],
    ['[::1]:1', true],
    ['[0:0:0:0:0:0:0:1]:1', true],
    ['localhost:1', true],
    ['0.0.0.0:1', false],
    ['[::]:1', false],
    ['128.0.0.1:1', false],
    ['localhost.example.com:1', false],
  ])('%s is loopback: %s', (text, expected) => {
    const address = parseTcpAddress(text);
    expect(address && isLoopback(address)).toBe(expected);
  });
});

describe('a store URL', () => {
  const tcp = { kind: 'tcp', tls: false, host: 'h', port: 6379, database: 0 };
  test.each([
    ['redis://h', tcp],
    ['redis://h:7000/3', { ...tcp, port: 7000, database: 3 }],
    ['rediss://h', { ...tcp, tls: true }],
    ['redis://:p@h', { ...tcp, password: 'p' }],
    ['redis://u:p%40%2F%25@h', { ...tcp, username: 'u', password: 'p@/%' }],
    ['redis://u@h', { ...tcp, username: 'u' }],
    ['redis://:p@x@h', { ...tcp, password: 'p@x' }],
    ['redis://[::1]:7000', { ...tcp, host: '::1', port: 7000 }],
    ['redis+cluster://a', { kind: 'cluster', tls: false, hosts: [{ host: 'a', port: 6379 }] }],
    [
      'rediss+cluster://u:p%2C@a:7000,[::1]:7001,b/0',
      {
        kind: 'cluster',
        tls: true,
        username: 'u',
        password: 'p,',
        hosts: [
          { host: 'a', port: 7000 },
          { host: '::1', port: 7001 },
          { host: 'b', port: 6379 },
        ],
      },
    ],
    [
      'redis+sentinel://a/main',
      { kind: 'sentinel', tls: false, hosts: [{ host: 'a', port: 26_379 }], master: 'main', database: 0 },
    ],
    [
      'rediss+sentinel://:p@a,b:7001/main/3',
      {
        kind: 'sentinel',
        tls: true,
        password: 'p',
        hosts: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 7001 },
        ],
        master: 'main',
        database: 3,
      },
    ],
    ['unix:///run/redis.sock', { kind: 'unix', path: '/run/redis.sock', database: 0 }],
    [
      'unix://u:p%40@/run/my%20redis.sock?db=2',
      { kind: 'unix', path: '/run/my redis.sock', username: 'u', password: 'p@', database: 2 },
    ],
  ])('%s is understood, and means the same when written again', (text, expected) => {
    const url = parseStoreUrl(text);
    expect(url).toEqual(expected);
    expect(url && parseStoreUrl(formatStoreUrl(url))).toEqual(expected);
  });

  test.each([
    'h:6379',
    'http://h',
    'redis:h',
    'redis://',
    'redis://h:0x1',
    'redis://h:99999',
    'redis://h/one',
    'redis://h/1/2',
    'redis://h/65536',
    'redis://h?tls=true',
    'redis://h#x',
    'redis://h/\n1',
    'redis://u:%zz@h',
    'redis://a%20b',
    'redis://a,b',
    'redis://u:p@',
    'redis+cluster://',
    'redis+cluster://a,',
    'redis+cluster://a,u@b',
    'redis+cluster://a,b:x',
    'redis+cluster://a/1',
    'redis+cluster://a?db=1',
    'redis+sentinel://a',
    'redis+sentinel://a/',
    'redis+sentinel://a/0/main',
    'redis+sentinel://a/main/0/1',
    'redis+sentinel://a/ma%20in',
    'redis+sentinel:///main',
    'sentinel://a/main',
    'unix+cluster:///run/redis.sock',
    'rediss+unix:///run/redis.sock',
    'unix://host/run/redis.sock',
    'unix:///run/redis.sock?db=x',
    'unix:///run/redis.sock?password=x',
    'unix:///',
  ])('is never %j', (text) => {
    expect(parseStoreUrl(text)).toBeUndefined();
  });

  test.each([
    ['redis://u:hunter2@h', 'redis://u:***@h:6379/0'],
    ['redis://:hunter2@h', 'redis://:***@h:6379/0'],
    ['redis://hunter2@h', 'redis://***@h:6379/0'],
    ['unix://:hunter2@/s', 'unix://:***@/s'],
    ['redis://default:hunter2', 'redis://***'],
    ['redis://u:hunt/er2@h', 'redis://***'],
    ['redis://h?password=hunter2', 'redis://***'],
    [':hunter2@h', '***'],
    ['redis://h', 'redis://h:6379/0'],
    ['rediss+cluster://:hunter2@a,b:1', 'rediss+cluster://:***@a:6379,b:1'],
    ['redis+sentinel://u:hunter2@a/main', 'redis+sentinel://u:***@a:26379/main/0'],
    ['redis+sentinel://:hunter2@a', 'redis+sentinel://***'],
    ['redis+cluster://a,:hunter2@b', 'redis+cluster://***'],
  ])('%s is shown as %s', (text, shown) => {
    expect(maskStoreUrl(text)).toBe(shown);
  });
});

describe('a source of pods', () => {
  test.each([
    ['route', 'route'],
    ['context', 'context'],
    ['{header: X-Pod}', { header: 'x-pod' }],
    ['{path: "/pods/{pod}/ws"}', { path: '/pods/{pod}/ws' }],
    ['{routeName: "httproute/default/{pod}"}', { routeName: 'httproute/default/{pod}' }],
    ['{host: "{pod}.example.com"}', { host: '{pod}.example.com' }],
    ['{fixed: pod1}', { fixed: 'pod1' }],
  ])('%s is understood', (text, source) => {
    expect(loadConfig({ text: `pods: {from: [${text}]}`, env: {} })).toMatchObject({
      ok: true,
      config: { pods: { from: [source] } },
    });
  });

  test.each([
    ['{path: "/pods/ws"}', 'pods.from[0].path', 'exactly one {pod}'],
    ['{path: "/{pod}/{pod}"}', 'pods.from[0].path', 'exactly one {pod}'],
    ['{path: "pods/{pod}"}', 'pods.from[0].path', 'exactly one {pod}'],
    ['{path: "/{pod}?a=b"}', 'pods.from[0].path', 'exactly one {pod}'],
    ['{routeName: pod1}', 'pods.from[0].routeName', 'exactly one {pod}'],
    ['{host: "example.com"}', 'pods.from[0].host', 'exactly one {pod}'],
    ['{host: "{pod}/x"}', 'pods.from[0].host', 'exactly one {pod}'],
    ['{header: "x pod"}', 'pods.from[0].header', 'the name of a header'],
    ['{header: ":path"}', 'pods.from[0].header', 'the name of a header'],
    ['{context: "a b"}', 'pods.from[0].context', 'a key of context_extensions'],
    ['{metadata: {namespace: "a b", key: pod}}', 'pods.from[0].metadata.namespace', 'at most 100'],
    ['{fixed: "a pod"}', 'pods.from[0].fixed', 'a pod id'],
    ['{service: {path: "/{pod}"}}', 'pods.from[0].service.path', 'exactly one {service}'],
    ['{service: {fixed: "a b"}}', 'pods.from[0].service.fixed', 'the name of one of the services'],
    ['{fixed: a, header: b}', 'pods.from[0]', 'route, context, {header: NAME}'],
    ['routes', 'pods.from[0]', 'route, context, {header: NAME}'],
    ['5', 'pods.from[0]', 'route, context, {header: NAME}'],
    ['', 'pods.from', 'at least one source'],
  ])('is never %s: the mistake is at %s', (text, path, expected) => {
    expect(loadConfig({ text: `pods: {from: [${text}]}`, env: {} })).toMatchObject({
      ok: false,
      mistakes: [{ path, expected: expect.stringContaining(expected) }],
    });
  });
});

describe('a service', () => {
  const services = (text: string, more = '') => loadConfig({ text: `services: {chat: ${text}}\n${more}`, env: {} });

  const of = (how: string) => `{endpoints: {static: ["10.0.0.1:80"]}, ${how}}`;

  test.each([
    ['header:X-User', { header: 'x-user' }],
    ['cookie:session', { cookie: 'session' }],
    ['query:room', { query: 'room' }],
    [
      'metadata:envoy.filters.http.jwt_authn:sub',
      { metadata: { namespace: 'envoy.filters.http.jwt_authn', key: 'sub' } },
    ],
  ])('may stick by %s', (sticky, source) => {
    const loaded = services(of(`sticky: "${sticky}"`));
    expect(loaded).toMatchObject({ ok: true, config: { services: { chat: { sticky: source } } } });
    expect(loaded.ok && toNotation(loaded.config).services?.chat?.sticky).toBe(sticky.toLowerCase());
  });

  test.each([
    '{"static":["10.0.0.1:80",{"address":"10.0.0.2:80","zone":"b"}]}',
    '{"file":"/etc/chat.yaml"}',
    '{"dns":{"srv":"_ws._tcp.chat.example.com","servers":["10.0.0.53"],"everyMin":"1s","everyMax":"1m"}}',
    '{"kubernetes":{"service":"prod/chat","port":"ws"}}',
    '{"kubernetes":{"namespace":"prod","selector":"app=chat","port":8080}}',
  ])('is written as it is read: %s', (endpoints) => {
    const loaded = services(`{"endpoints":${endpoints}}`);
    expect(loaded.ok && toNotation(loaded.config).services).toEqual({ chat: { endpoints: JSON.parse(endpoints) } });
  });

  test('has pods at addresses, each with a limit of its own if it says so', () => {
    const text =
      '{endpoints: {static: [10.0.0.1:80, {address: "[2001:DB8::0:1]:80", connections: 5}]}, connections: 9}';
    const fixed = 'pods: {from: [{service: {fixed: chat}}]}';
    expect(services(text, fixed)).toMatchObject({
      ok: true,
      config: {
        services: {
          chat: {
            endpoints: { static: ['10.0.0.1:80', { address: '[2001:db8::1]:80', connections: 5 }] },
            connections: 9,
          },
        },
      },
    });
  });

  test.each([
    [
      '{endpoints: {static: [chat-1:80]}}',
      '',
      'services.chat.endpoints.static[0]',
      'an address and port, such as 10.0.0.1:8080',
    ],
    ['{endpoints: {}}', '', 'services.chat.endpoints', 'exactly one of the keys: static, file, dns, kubernetes'],
    ['{endpoints: {static: ["10.0.0.1:80"], file: a}}', '', 'services.chat.endpoints', 'exactly one of the keys'],
    [
      '{endpoints: {static: ["10.0.0.1:80", {address: "10.0.0.1:80"}]}}',
      '',
      'services.chat.endpoints.static[1]',
      'each address once',
    ],
    ['{endpoints: {dns: {name: chat.example.com}}}', '', 'services.chat.endpoints.dns', 'either name and port'],
    ['{endpoints: {dns: {srv: a.b, port: 5}}}', '', 'services.chat.endpoints.dns', 'or srv, for SRV records'],
    ['{endpoints: {dns: {name: "a b", port: 5}}}', '', 'services.chat.endpoints.dns.name', 'a name of the DNS'],
    ['{endpoints: {dns: {srv: a, servers: [b]}}}', '', 'services.chat.endpoints.dns.servers[0]', 'such as 10.0.0.53'],
    ['{endpoints: {dns: {srv: a, everyMin: 1m}}}', '', 'services.chat.endpoints.dns.everyMin', 'at most everyMax'],
    ['{endpoints: {dns: {srv: a}}, pick: spread}', '', 'services.chat.pick', 'no endpoint has a zone'],
    ['{endpoints: {kubernetes: {}}}', '', 'services.chat.endpoints.kubernetes', 'either service, or namespace'],
    [
      '{endpoints: {kubernetes: {namespace: a}}}',
      '',
      'services.chat.endpoints.kubernetes',
      'either service, or namespace',
    ],
    ['{endpoints: {kubernetes: {service: chat}}}', '', 'services.chat.endpoints.kubernetes.service', 'NAMESPACE/NAME'],
    [
      '{endpoints: {kubernetes: {service: a/b, port: 0}}}',
      '',
      'services.chat.endpoints.kubernetes.port',
      'a whole number from 1 to 65535',
    ],
    ['{endpoints: {static: ["10.0.0.256:80"]}}', '', 'services.chat.endpoints.static[0]', 'an address and port'],
    ['{endpoints: {static: ["10.0.0.1:0"]}}', '', 'services.chat.endpoints.static[0]', 'an address and port'],
    ['{endpoints: {static: []}}', '', 'services.chat.endpoints.static', 'at least one address'],
    ['{endpoints: {static: ["10.0.0.1:80"]}, connections: -1}', '', 'services.chat.connections', 'a whole number'],
    ['{endpoints: {static: ["10.0.0.1:80", "10.0.0.2:80"]}}', 'limits: {podsMax: 1}', 'services', 'limits.podsMax'],
    [of('pick: most'), '', 'services.chat.pick', 'one of: least, pack, spread'],
    [of('pick: spread'), '', 'services.chat.pick', 'no endpoint has a zone'],
    [of('connections: 5, softLimit: 5'), '', 'services.chat.softLimit', 'less than the connections'],
    [of('softLimit: 100'), '', 'services', 'less than limits.default.connections'],
    [of('softLimit: 0'), '', 'services.chat.softLimit', 'a whole number from 1'],
    [of('sticky: x-user'), '', 'services.chat.sticky', 'header:NAME, cookie:NAME, query:NAME or metadata:'],
    [of('sticky: "header:"'), '', 'services.chat.sticky', 'header:NAME'],
    [of('sticky: "metadata:jwt"'), '', 'services.chat.sticky', 'metadata:NAMESPACE:KEY'],
    [
      '{endpoints: {static: ["10.0.0.1:80"]}}',
      'pods: {from: [{service: {fixed: mail}}]}',
      'pods.from',
      'one of the services',
    ],
  ])('is never %s %s: the mistake is at %s', (text, more, path, expected) => {
    expect(services(text, more)).toMatchObject({
      ok: false,
      mistakes: [{ path, expected: expect.stringContaining(expected) }],
    });
  });

  test.each(['', 'a b', 'a/b', 'a'.repeat(64)])('is never named %j', (name) => {
    const text = `services: {${JSON.stringify(name)}: {endpoints: {static: ["10.0.0.1:80"]}}}`;
    expect(loadConfig({ text, env: {} })).toMatchObject({
      ok: false,
      mistakes: [{ expected: expect.stringContaining("a service's name") }],
    });
  });
});

describe('the name of a limit', () => {
  test.each(['pod1', 'pod-*', 'pod-?', 'pod[0-9]', 'pod-{a,b}', '!pod1', 'a.b:c_d', '*', 'constructor'])(
    'may be %s',
    (name) => {
      const text = `limits: {pods: {${JSON.stringify(name)}: {connections: 5}}}`;
      expect(loadConfig({ text, env: {} })).toMatchObject({
        ok: true,
        config: { limits: { pods: { [name]: { connections: 5 } } } },
      });
    },
  );

  test.each(['', 'a pod', 'pod/1', 'pod[1', 'pod1]', 'pod{1', 'pod}', 'pod[]', 'pöd', 'a'.repeat(254)])(
    'is never %j, which would match nothing',
    (name) => {
      const text = `limits: {pods: {${JSON.stringify(name)}: {connections: 5}}}`;
      expect(loadConfig({ text, env: {} })).toMatchObject({
        ok: false,
        mistakes: [{ expected: expect.stringContaining('a pod id or a glob') }],
      });
    },
  );
});
