import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream } from '../../lab/fleet/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const TOKEN = 'correct-horse-battery';
const OTHER_TOKEN = 'another-token-of-ours';

let gate: TestApp;
afterEach(() => gate.stop());

async function json(response: Promise<Response>): Promise<{ status: number; type: string | null; body: unknown }> {
  const settled = await response;
  return { status: settled.status, type: settled.headers.get('content-type'), body: await settled.json() };
}

const problem = (status: number, detail: unknown) => ({
  status,
  type: 'application/problem+json; charset=utf-8',
  body: { type: 'about:blank', title: expect.any(String), status, detail },
});

describe('GET /v1/pods', () => {
  it('tells the counts of the fleet, per pod and proxy', async () => {
    gate = await startTestApp({
      WSGATE_LIMITS_PODS: '{pod2: {connections: 5}, idle: {connections: 7}, "x*": {connections: 1}}',
    });
    await gate.check(checkOf(newStream(), 'pod1'), 'proxy_a');
    await gate.check(checkOf(newStream(), 'pod1'), 'proxy_b');
    await gate.check(checkOf(newStream(), 'pod2'), 'proxy_b');
    expect(await json(gate.get('/v1/pods'))).toMatchObject({
      status: 200,
      body: {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        total: 3,
        pods: [
          { pod: 'idle', connections: 0, limit: 7, proxies: {} },
          { pod: 'pod1', connections: 2, limit: 100, proxies: { proxy_a: 1, proxy_b: 1 } },
          { pod: 'pod2', connections: 1, limit: 5, proxies: { proxy_b: 1 } },
        ],
      },
    });
  });

  it('costs the store one snapshot, however many ask within a second', async () => {
    gate = await startTestApp();
    await Promise.all([gate.get('/v1/pods'), gate.get('/websocket/metrics')]);
    await gate.check(checkOf(newStream(), 'pod1'));
    expect(await json(gate.get('/v1/pods'))).toMatchObject({ body: { total: 0 } });
    await expect.poll(() => json(gate.get('/v1/pods'))).toMatchObject({ body: { total: 1 } });
  });
});

describe('GET /v1/pods?…', () => {
  it('tells the pods that it names as they are at this moment', async () => {
    gate = await startTestApp();
    await gate.get('/v1/pods');
    await gate.check(checkOf(newStream(), 'pod1'));
    await gate.check(checkOf(newStream(), 'pod2'));
    expect(await json(gate.get('/v1/pods?pods=pod2,never-seen'))).toMatchObject({
      status: 200,
      body: {
        total: 1,
        pods: [
          { pod: 'pod2', connections: 1 },
          { pod: 'never-seen', connections: 0 },
        ],
      },
    });
    expect(await json(gate.get('/v1/pods?pods=pod1&pods=pod2'))).toMatchObject({ status: 200, body: { total: 2 } });
    expect(await json(gate.get('/v1/pods?pods='))).toMatchObject({ status: 200, body: { total: 0, pods: [] } });
  });

  it('finds pods by a part of their name', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_PODS: '{web-1: {connections: 5}, web-2: {connections: 5}}' });
    for (const pod of ['api-1', 'web-1', 'web-2']) await gate.check(checkOf(newStream(), pod));
    const names = async (query: string) => {
      const { pods } = (await (await gate.get(`/v1/pods?${query}`)).json()) as { pods: { pod: string }[] };
      return pods.map(({ pod }) => pod);
    };
    expect(await names('contains=eb-')).toEqual(['web-1', 'web-2']);
    expect(await names('contains=eb-&limit=1')).toEqual(['web-1']);
    expect(await json(gate.get('/v1/pods?contains=eb-&limit=1'))).toMatchObject({ body: { total: 2 } }); // of all that match
    expect(await names('contains=nothing')).toEqual([]);
    expect(await names('contains=a&contains=b')).toEqual([]);
  });

  it('says what is wrong with a query', async () => {
    gate = await startTestApp();
    const many = Array.from({ length: 101 }, (_, index) => `p${index}`).join();
    for (const [query, detail] of [
      ['pods=a,b%20c', '"b c" is no pod id'],
      [`pods=${many}`, 'pods names 101 pods: expected at most 100'],
      ['limit=0', 'limit is "0": expected a whole number from 1'],
      ['contain=x', '"contain" is no key of this query: expected pods, contains, limit'],
      ['pods=a&limit=1', '"limit" is no key of this query: expected pods, where pods are named'],
    ] as const) {
      expect(await json(gate.get(`/v1/pods?${query}`))).toEqual(problem(400, expect.stringContaining(detail)));
    }
  });
});

describe('GET /v1/pods/{pod}', () => {
  it('tells one pod as it is at this moment', async () => {
    gate = await startTestApp();
    await gate.check(checkOf(newStream(), 'pod1'));
    expect(await json(gate.get('/v1/pods/pod1'))).toMatchObject({
      status: 200,
      body: { pod: 'pod1', connections: 1, limit: 100, proxies: { proxy_a: 1 } },
    });
    expect(await json(gate.get('/v1/pods/never-seen'))).toMatchObject({ status: 200, body: { connections: 0 } });
  });

  it('says what is wrong with a bad name', async () => {
    gate = await startTestApp();
    const wrong = encodeURIComponent('a {b}\n');
    expect(await json(gate.get(`/v1/pods/${wrong}`))).toEqual(
      problem(400, expect.stringContaining('"a {b}\\n" is no pod id')),
    );
    expect((await gate.get(`/v1/pods/${'x'.repeat(10_000)}`)).status).toBeGreaterThanOrEqual(400);
    expect((await gate.get('/v1/pods/pod1')).status).toBe(200);
  });
});

describe('GET /v1/pods/{pod}/connections', () => {
  it('tells who holds each slot, without the query of the path', async () => {
    gate = await startTestApp();
    const lease = leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
    const { body } = await json(gate.get('/v1/pods/pod1/connections'));
    expect(body).toEqual({
      pod: 'pod1',
      connections: [
        {
          lease,
          proxy: 'proxy_a',
          since: '2025-11-21T03:46:21.000Z',
          client: expect.stringMatching(/^192\.0\.2\.7:\d+$/),
          peer: expect.stringMatching(/^192\.0\.2\.7:\d+$/),
          path: '/pod1/chat',
          held: false,
          state: 'reserved',
        },
      ],
      next: null,
    });
  });

  it('pages', async () => {
    gate = await startTestApp();
    for (let i = 0; i < 5; i += 1) await gate.check(checkOf(newStream(), 'pod1'));
    const seen: string[] = [];
    let path = '/v1/pods/pod1/connections?limit=2';
    for (let pages = 0; pages < 3; pages += 1) {
      const page = (await json(gate.get(path))).body as { connections: { lease: string }[]; next: string | null };
      seen.push(...page.connections.map(({ lease }) => lease));
      path = `/v1/pods/pod1/connections?limit=2&cursor=${encodeURIComponent(page.next ?? '')}`;
      if (page.next === null) break;
    }
    expect(new Set(seen).size).toBe(5);
  });

  it.each(['0', '-1', '1001', 'many', '1.5'])('refuses a limit of %s', async (limit) => {
    gate = await startTestApp();
    expect(await json(gate.get(`/v1/pods/pod1/connections?limit=${limit}`))).toEqual(
      problem(400, `limit is "${limit}": expected a whole number from 1 to 1000`),
    );
  });
});

it.each([
  ['cursor=nonsense', 'cursor is "nonsense": expected the next of an earlier page'],
  ['cursr=1', '"cursr" is no key of this query: expected limit, cursor'],
])('GET /v1/pods/{pod}/connections?%s says what is wrong', async (query, detail) => {
  gate = await startTestApp();
  expect(await json(gate.get(`/v1/pods/pod1/connections?${query}`))).toEqual(problem(400, detail));
});

describe('POST /v1/pods/{pod}/connections/{lease}/release', () => {
  it('frees the slot, and says whether there was one', async () => {
    gate = await startTestApp();
    const lease = leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
    const release = (pod: string) =>
      json(gate.post(`/v1/pods/${pod}/connections/${encodeURIComponent(lease)}/release`));
    expect(await release('pod2')).toMatchObject({
      status: 200,
      body: { released: false, closed: false, why: expect.stringContaining('no slot') },
    });
    expect(await gate.connections('pod1')).toBe(1);
    expect(await release('pod1')).toMatchObject({
      status: 200,
      body: { released: true, closed: false, why: expect.stringContaining('no gate holds a stream') },
    });
    expect(await gate.connections('pod1')).toBe(0);
    expect(await release('pod1')).toMatchObject({ status: 200, body: { released: false } });
    expect(await (await gate.get('/metrics')).text()).toContain('wsgate_releases_total{cause="hook"} 1');
  });

  it('refuses a bad lease id', async () => {
    gate = await startTestApp();
    expect(await json(gate.post('/v1/pods/pod1/connections/nonsense/release'))).toEqual(
      problem(400, '"nonsense" is no lease id'),
    );
  });
});

describe('with tokens', () => {
  const protectedPaths = ['/v1/pods', '/v1/pods/pod1', '/v1/pods/pod1/connections'];

  it.each(protectedPaths)('%s is answered only to a client that shows one of them', async (path) => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: `${TOKEN},${OTHER_TOKEN}` });
    expect(await json(gate.get(path))).toEqual(problem(401, expect.stringContaining('bearer token')));
    expect((await gate.get(path, { authorization: `Bearer ${TOKEN}x` })).status).toBe(401);
    expect((await gate.get(path, { authorization: TOKEN })).status).toBe(401);
    expect((await gate.get(path, { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    expect((await gate.get(path, { authorization: `bearer ${OTHER_TOKEN}` })).status).toBe(200);
  });

  it('the release hook needs one, and metrics and health do not', async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN });
    expect((await gate.post('/v1/pods/pod1/connections/p_1-a/release')).status).toBe(401);
    for (const path of ['/metrics', '/websocket/metrics', '/healthz', '/readyz']) {
      expect((await gate.get(path)).status, path).toBe(200);
    }
  });

  it('metrics and health need one when the configuration says so', async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN, WSGATE_HTTP_OPEN: '[health]' });
    expect((await gate.get('/metrics')).status).toBe(401);
    expect((await gate.get('/websocket/metrics')).status).toBe(401);
    expect((await gate.get('/readyz')).status).toBe(200);
  });

  it('no token is ever logged', async () => {
    gate = await startTestApp({ WSGATE_HTTP_TOKENS: TOKEN });
    await gate.get('/v1/pods', { authorization: `Bearer ${TOKEN}` });
    await gate.get('/v1/nothing', { authorization: `Bearer ${TOKEN}` });
    expect(JSON.stringify(gate.logLines)).not.toContain(TOKEN);
  });
});

describe('without tokens', () => {
  it('a page of another site in a browser on this machine is refused', async () => {
    gate = await startTestApp();
    expect((await gate.get('/v1/pods')).status).toBe(200);
    expect((await gate.get('/v1/pods', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await gate.post('/v1/pods/pod1/connections/p_1-a/release', { origin: 'null' })).status).toBe(403);
  });
});

describe('metrics', () => {
  it.each(['/metrics', '/websocket/metrics'])('%s: promtool finds no fault', async (path) => {
    gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1' });
    const stream = newStream();
    const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
    await gate.check(checkOf(newStream(), 'pod1'));
    const log = gate.logStream();
    log.write(message(entryOf(stream, 'pod1', 'DownstreamEnd', { lease })));
    await expect.poll(() => gate.connections('pod1')).toBe(0);
    const text = await (await gate.get(path)).text();
    expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
  });

  it('/metrics tells which version this is', async () => {
    gate = await startTestApp();
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const line = `wsgate_build_info{version="${version}",node="${process.versions.node}"} 1`;
    expect(await (await gate.get('/metrics')).text()).toContain(line);
  });

  it('/metrics tells how much processor time this process has used', async () => {
    gate = await startTestApp();
    const used = async () =>
      Number(/^process_cpu_seconds_total (\S+)$/m.exec(await (await gate.get('/metrics')).text())?.[1]);
    const before = await used();
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 20; i += 1) await gate.get('/v1/pods');
    expect(await used()).toBeGreaterThan(before);
  });

  it('tell the fleet by exactly these names and labels', async () => {
    gate = await startTestApp();
    await gate.check(checkOf(newStream(), 'pod1'), 'proxy_a');
    expect(await gate.fleet()).toEqual({
      'websocket_pod_connections{pod_id="pod1"}': 1,
      'websocket_proxy_connections{proxy_id="proxy_a"}': 1,
      'websocket_pod_limit{pod_id="pod1"}': 100,
    });
  });

  it('tell a proxy of the fleet that has no connection with 0', async () => {
    gate = await startTestApp();
    const lease = leaseIn(await gate.check(checkOf(newStream(), 'pod1'), 'proxy_a'));
    await gate.post(`/v1/pods/pod1/connections/${encodeURIComponent(lease)}/release`);
    await expect
      .poll(() => gate.fleet())
      .toMatchObject({
        'websocket_pod_connections{pod_id="pod1"}': 0,
        'websocket_proxy_connections{proxy_id="proxy_a"}': 0,
      });
  });

  it('hold no lease, address or path', async () => {
    gate = await startTestApp();
    const lease = leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
    const text = (await (await gate.get('/metrics')).text()) + (await (await gate.get('/websocket/metrics')).text());
    for (const secret of [lease, '192.0.2.7', '/chat']) expect(text).not.toContain(secret);
  });
});

describe('errors', () => {
  it('a method that a path does not take is answered with 405 and those that it takes', async () => {
    gate = await startTestApp();
    const answer = await gate.post('/v1/pods/pod1/connections?limit=1');
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
    expect(await json(Promise.resolve(answer))).toEqual(problem(405, expect.stringContaining('expected GET, HEAD')));
    const release = await gate.get('/v1/pods/pod1/connections/p_1-a/release');
    expect([release.status, release.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await gate.post('/v1/nope')).status).toBe(404);
  });

  it('a body of a type that is not taken is answered with 415 and those that are', async () => {
    gate = await startTestApp();
    const answer = await gate.post('/v1/events', { 'content-type': 'text/xml', 'content-length': '0' });
    expect(answer.status).toBe(415);
    expect(await answer.json()).toMatchObject({
      detail:
        'content-type is "text/xml": expected application/json, application/cloudevents+json, application/cloudevents-batch+json',
    });
  });

  it.each([
    ['an address that is not there', '/nope', 404],
    ['a broken escape in the path', '/v1/pods/%zz', 400],
  ])('%s is answered with a problem document', async (_what, path, status) => {
    gate = await startTestApp();
    expect(await json(gate.get(path))).toEqual(problem(status, expect.any(String)));
  });
});
