import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { PodSources, type Sight } from '../../src/envoy/pod-sources.ts';
import { NO_SERVICES } from '../support/no-services.ts';

function sources(yaml: string): PodSources {
  const services = 'services: {chat: {endpoints: {static: ["10.0.0.1:80"]}}}';
  const loaded = loadConfig({ text: `pods: {from: ${yaml}}\n${services}`, env: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.mistakes));
  return new PodSources(loaded.config.pods.from, { ...NO_SERVICES, has: (service) => service === 'chat/' });
}

interface Seen extends Partial<Pick<Sight, 'routePod' | 'routeService' | 'routeName' | 'path' | 'host'>> {
  readonly headers?: Record<string, string>;
  readonly context?: Record<string, string>;
  readonly metadata?: Record<string, Record<string, string>>;
}

function sight({ headers, context, metadata, ...seen }: Seen): Sight {
  return {
    routePod: undefined,
    routeName: undefined,
    routeService: undefined,
    path: undefined,
    host: undefined,
    ...seen,
    header: (name) => headers?.[name],
    context: (key) => context?.[key],
    metadata: (namespace, key) => metadata?.[namespace]?.[key],
  };
}

describe('a pod is told', () => {
  it.each([
    ['by route metadata', '[route]', { routePod: 'pod1' }, 'pod1'],
    ['as a service, by route metadata', '[route]', { routeService: 'chat' }, 'chat/'],
    ['as a service, by context extensions', '[route, context]', { context: { service: 'chat' } }, 'chat/'],
    ['as a service, by a header', '[{service: {header: x-app}}]', { headers: { 'x-app': 'chat' } }, 'chat/'],
    ['as a service, by a path', '[{service: {path: "/{service}/ws"}}]', { path: '/chat/ws' }, 'chat/'],
    ['as a service, always the same', '[{service: {fixed: chat}}]', {}, 'chat/'],
    [
      'as a pod of a service',
      '[route]',
      { routePod: 'chat/10.0.0.1:8080', routeService: 'chat' },
      'chat/10.0.0.1:8080',
    ],
    ['by context extensions', '[context]', { context: { pod: 'pod1' } }, 'pod1'],
    ['by the first source that names one', '[route, context]', { context: { pod: 'pod2' } }, 'pod2'],
    ['by the earlier of two that do', '[route, context]', { routePod: 'pod1', context: { pod: 'pod2' } }, 'pod1'],
    ['by another context extension', '[{context: tenant}]', { context: { tenant: 'pod1', pod: 'pod2' } }, 'pod1'],
    [
      'by metadata of a namespace',
      '[{metadata: {namespace: envoy.lb, key: backend/id}}, route]',
      { metadata: { 'envoy.lb': { 'backend/id': 'pod1' } }, routePod: 'pod2' },
      'pod1',
    ],
    [
      'by the next source when there is no such metadata',
      '[{metadata: {namespace: envoy.lb, key: pod}}, route]',
      { routePod: 'pod2' },
      'pod2',
    ],
    ['by a header, whatever its case', '[{header: X-Pod}]', { headers: { 'x-pod': 'pod1' } }, 'pod1'],
    ['by a path', '[{path: "/pods/{pod}/ws"}]', { path: '/pods/pod1/ws' }, 'pod1'],
    ['by a path with a query', '[{path: "/pods/{pod}"}]', { path: '/pods/pod1?x=/y' }, 'pod1'],
    ['by a path that goes on', '[{path: "/pods/{pod}"}]', { path: '/pods/pod1/chat/7' }, 'pod1'],
    ['by a path whose template ends in a slash', '[{path: "/pods/{pod}/"}]', { path: '/pods/pod1/ws' }, 'pod1'],
    ['by a host', '[{host: "{pod}.example.com"}]', { host: 'pod1.example.com' }, 'pod1'],
    ['by a host with a port', '[{host: "{pod}.example.com"}]', { host: 'pod1.EXAMPLE.com:8443' }, 'pod1'],
    ['by a host, whatever its case', '[{host: "{pod}.example.com"}]', { host: 'POD1.Example.com' }, 'pod1'],
    ['by a host with a dot at its end', '[{host: "{pod}.example.com"}]', { host: 'Pod1.example.com.:443' }, 'pod1'],
    ['by a host that is nothing but it', '[{host: "{pod}"}]', { host: 'pod1:8443' }, 'pod1'],
    ['by a path with an encoded template', '[{path: "/a%20b//{pod}"}]', { path: '/a%20b//pod1' }, 'pod1'],
    ['by a header with spaces around', '[{header: x-pod}]', { headers: { 'x-pod': ' pod1\t' } }, 'pod1'],
    ['by a path that is encoded only after it', '[{path: "/pods/{pod}/ws"}]', { path: '/pods/pod1/ws//a%20b' }, 'pod1'],
    ['by the name of its route', '[{routeName: "{pod}"}]', { routeName: 'pod1' }, 'pod1'],
    [
      'by a route name that goes on',
      '[{routeName: "httproute/default/{pod}"}]',
      { routeName: 'httproute/default/pod1/rule/0/match/0/*' },
      'pod1',
    ],
    ['by its fixed name', '[{fixed: pod1}]', {}, 'pod1'],
  ])('%s', (_how, from, seen, pod) => {
    expect(sources(from).whereOf(sight(seen))).toBe(pod);
  });
});

describe('a pod is not told', () => {
  it.each([
    ['by a path of another shape', '[{path: "/pods/{pod}/ws"}]', { path: '/other/pod1/ws' }],
    ['by a path that only begins alike', '[{path: "/pods/{pod}/ws"}]', { path: '/pods/pod1/wsx' }],
    ['by a path with an empty name', '[{path: "/pods/{pod}/ws"}]', { path: '/pods//ws' }],
    ['by a host of another domain', '[{host: "{pod}.example.com"}]', { host: 'pod1.example.com.evil.org' }],
    ['by a host whose dots are other characters', '[{host: "{pod}.example.com"}]', { host: 'pod1.exampleXcom' }],
    [
      'by the name of a route elsewhere',
      '[{routeName: "httproute/default/{pod}"}]',
      { routeName: 'httproute/other/pod1/rule/0' },
    ],
    ['by nothing at all', '[route, context, {header: x-pod}]', {}],
    [
      'by a name that is no pod id, even if a later source has one',
      '[route, context]',
      { routePod: 'a b', context: { pod: 'pod2' } },
    ],
    ['by a name of 10,000 characters', '[{header: x-pod}]', { headers: { 'x-pod': 'x'.repeat(10_000) } }],
  ])('%s', (_how, from, seen) => {
    expect(sources(from).whereOf(sight(seen))).toBeUndefined();
  });
});

describe('a request that can be read in two ways names no pod, even if a later source has one:', () => {
  const from = '[{path: "/pods/{pod}"}, {fixed: pod2}]';
  it.each([
    '/pods/%70od1',
    '/pods/pod1%2fws',
    '/p%6fds/pod1',
    '//pods/pod1',
    '/pods//pod1',
    '/pods\\pod1',
    '/pods/.',
    '/pods/x/../pod1',
    '/pods/./pod1',
    '/other/../pods/pod1',
    '/pods/x/%2e%2E/pod1',
    '/pods/x/..%5cpod1',
    '/pods/x/..;a=b/pod1',
    '/pods/pod1;a=b',
  ])('the path %s', (path) => {
    expect(sources(from).whereOf(sight({ path }))).toBeUndefined();
  });

  it('several values of one header', () => {
    const headers = { 'x-pod': 'pod1,pod2' };
    expect(sources('[{header: x-pod}, {fixed: pod2}]').whereOf(sight({ headers }))).toBeUndefined();
  });

  it('and one whose path is of another shape altogether leaves it to the next source', () => {
    expect(sources(from).whereOf(sight({ path: '/a%20b//c' }))).toBe('pod2');
  });
});

it('says what each source showed, cut to a length that a log can bear', () => {
  const explained = sources('[route, {header: x-pod}]').explain(
    sight({ headers: { 'x-pod': `{${'x'.repeat(9000)}` } }),
  );
  expect(explained[0]).toMatch(/^route metadata wsgate\.pod .*: nothing$/);
  expect(explained[1]).toMatch(/^header x-pod: "\{x+…" is no pod id/);
  expect(explained[1]?.length).toBeLessThan(250);
});
