import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { checkOf, entryOf, leaseIn, message, newStream, type Stream } from '../../lab/fleet/messages.ts';
import { readMetrics } from '../../lab/fleet/metrics.ts';
import type { CheckRequest } from '../../src/envoy/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let gate: TestApp;
afterEach(() => gate.stop());

describe('an upgrade', () => {
  it('is let in with its lease as metadata and as the header x-connection-id', async () => {
    gate = await startTestApp();
    const answer = await gate.check(checkOf(newStream(), 'pod1'));
    const lease = leaseIn(answer);
    expect(answer).toEqual({
      status: {}, // OK is zero, which proto3 leaves out
      okResponse: {
        headers: [{ header: { key: 'x-connection-id', value: lease }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
        headersToRemove: ['x-gateway-destination-endpoint'],
      },
      dynamicMetadata: {
        fields: {
          lease: { stringValue: lease },
          pod: { stringValue: 'pod1' },
          'wsgate.lease': { stringValue: lease },
          'wsgate.pod': { stringValue: 'pod1' },
        },
      },
    });
    expect(lease).toMatch(/^proxy_a_[0-9a-z]+-192\.0\.2\.7:\d+$/);
    expect(await gate.connections('pod1')).toBe(1);
  });

  it('over the limit is denied with the configured status, when to come back, and no word of the pod', async () => {
    gate = await startTestApp({
      WSGATE_LIMITS_DEFAULT_CONNECTIONS: '1',
      WSGATE_DENY_STATUS: '503',
      WSGATE_DENY_RETRY_AFTER: '7s',
    });
    await gate.check(checkOf(newStream(), 'pod1'));
    const answer = await gate.check(checkOf(newStream(), 'pod1'));
    expect(answer).toMatchObject({
      status: { code: status.PERMISSION_DENIED },
      deniedResponse: {
        status: { code: 503 },
        headers: [
          { header: { key: 'content-type', value: 'application/json' } },
          { header: { key: 'retry-after', value: '7' } },
        ],
        body: '{"error":"LIMIT_EXCEEDED","retry_after":7}',
      },
    });
    expect(JSON.stringify(answer)).not.toContain('pod1');
    expect(await gate.connections('pod1')).toBe(1);
  });

  it('that Envoy asks about twice is counted once', async () => {
    gate = await startTestApp();
    const request = checkOf(newStream(), 'pod1');
    expect(leaseIn(await gate.check(request))).toBe(leaseIn(await gate.check(request)));
    expect(await gate.connections('pod1')).toBe(1);
  });

  it('from an internal listener is one for each number of its Check, though all began at once at one address', async () => {
    gate = await startTestApp();
    const request = checkOf(newStream(), 'pod1');
    const address = { envoyInternalAddress: { serverListenerName: 'inner' } };
    const check = (id: string) => {
      const http = { ...request.attributes?.request?.http, id };
      const told = { ...request.attributes?.request, http };
      return gate.check({ attributes: { ...request.attributes, source: { address }, request: told } });
    };
    const leases = new Set([await check('1'), await check('2'), await check('2')].map(leaseIn));
    expect([leases.size, await gate.connections('pod1')]).toEqual([2, 2]);
  });

  it('is known as one by its Check alone, with proxy.upgradesOnly', async () => {
    gate = await startTestApp({ WSGATE_PROXY_UPGRADES_ONLY: 'true' });
    expect(leaseIn(await gate.check(checkOf(newStream(), 'pod1', {})))).toBeDefined();
  });

  it('that sends the header of its pod twice, raw, names none', async () => {
    gate = await startTestApp({ WSGATE_PODS_FROM: '[{header: x-pod}]' });
    const request = checkOf(newStream(), undefined);
    const raw = (key: string, value: string) => ({ key, rawValue: Buffer.from(value) });
    const headers = [raw('upgrade', 'websocket'), raw('x-pod', 'pod1'), raw('x-pod', 'pod2')];
    const http = { headerMap: { headers }, path: '/' };
    const twice = { attributes: { ...request.attributes, request: { ...request.attributes?.request, http } } };
    expect(await gate.check(twice)).toMatchObject({ deniedResponse: { body: '{"error":"POD_UNKNOWN"}' } });
  });

  it('is known as one when Envoy sends its headers raw', async () => {
    gate = await startTestApp();
    const request = checkOf(newStream(), 'pod1');
    const http = { headerMap: { headers: [{ key: 'upgrade', rawValue: Buffer.from('WebSocket') }] }, path: '/' };
    const raw = { attributes: { ...request.attributes, request: { ...request.attributes?.request, http } } };
    expect(leaseIn(await gate.check(raw))).toBeDefined();
  });

  it('whose asker has left frees its slot', async () => {
    gate = await startTestApp();
    const stream = newStream();
    // The slot is taken before the asker leaves, or it never is: both end at 0.
    gate.abandon(checkOf(stream, 'pod1'));
    await gate.check(checkOf(newStream(), 'pod2'));
    await expect.poll(() => gate.connections('pod1')).toBe(0);
  });
});

describe('a request that is no WebSocket upgrade', () => {
  it.each([
    // Its metadata tells that nothing showed whether it is an upgrade.
    ['plain HTTP', {}, { fields: { 'wsgate.no-upgrade-header': { stringValue: 'true' } } }],
    ['an upgrade to something else', { upgrade: 'h2c' }, undefined],
    ['a header that only looks alike', { upgrade: 'websocketx' }, undefined],
  ])(
    '%s is let through without a lease, and its own x-connection-id is taken off',
    async (_what, headers, metadata) => {
      gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '0' });
      expect(await gate.check(checkOf(newStream(), 'pod1', headers))).toEqual({
        status: { code: status.OK },
        okResponse: { headersToRemove: ['x-connection-id', 'x-gateway-destination-endpoint'] },
        dynamicMetadata: metadata,
      });
      expect(await gate.connections('pod1')).toBe(0);
    },
  );
});

describe('an upgrade whose pod or proxy cannot be told', () => {
  it('is denied for its own reason, counted, and logged with what was looked at', async () => {
    gate = await startTestApp();
    expect(await gate.check(checkOf(newStream(), undefined))).toMatchObject({
      deniedResponse: { status: { code: 403 }, body: '{"error":"POD_UNKNOWN"}' },
    });
    expect(await (await gate.get('/metrics')).text()).toContain(
      'wsgate_decisions_total{outcome="denied",reason="POD_UNKNOWN"} 1',
    );
    expect(gate.logLines).toContainEqual(
      expect.objectContaining({
        reason: 'POD_UNKNOWN',
        lookedAt: [
          expect.stringMatching(/^route metadata wsgate\.pod .*route_metadata_context_namespaces.*: nothing$/),
          'context_extensions.pod (ext_authz only; at the hold door, pods.from: [{metadata: …}]): nothing',
        ],
        path: '/undefined/chat',
        proxy: 'proxy_a',
        peer: expect.stringContaining('127.0.0.1'),
      }),
    );
  });

  it('is not logged as often as clients like', async () => {
    gate = await startTestApp();
    for (let i = 0; i < 20; i += 1) await gate.check(checkOf(newStream(), undefined));
    expect(gate.logLines.filter(({ reason }) => reason === 'POD_UNKNOWN').length).toBeLessThan(5);
  });

  it.each([['with spaces'], ['{braces}'], ['new\nlines'], ['x'.repeat(10_000)]])('%j is no pod id', async (pod) => {
    gate = await startTestApp();
    expect(await gate.check(checkOf(newStream(), pod))).toMatchObject({
      deniedResponse: { body: '{"error":"POD_UNKNOWN"}' },
    });
    expect(leaseIn(await gate.check(checkOf(newStream(), 'pod1')))).toBeDefined();
  });

  it.each([
    ['no name at all', ''],
    ['what Envoy sends for an unset variable', '-'],
    ['a name that is none', 'a b'],
  ])('a proxy with %s is denied, unless its label or the gate names it', async (_what, name) => {
    gate = await startTestApp();
    expect(await gate.check(checkOf(newStream(), 'pod1'), name)).toMatchObject({
      deniedResponse: { status: { code: 403 }, body: '{"error":"PROXY_UNKNOWN"}' },
    });
    const { attributes } = checkOf(newStream(), 'pod1');
    const labelled = { attributes: { ...attributes, destination: { labels: { proxy_id: 'proxy_b' } } } };
    expect(leaseIn(await gate.check(labelled, ''))).toMatch(/^proxy_b_/);
  });

  it('takes the name that the gate is configured with when nothing else tells', async () => {
    gate = await startTestApp({ WSGATE_PROXY_ID: 'sidecar-1' });
    expect(leaseIn(await gate.check(checkOf(newStream(), 'pod1'), ''))).toMatch(/^sidecar-1_/);
  });
});

describe('what no Envoy would send', () => {
  it.each([
    ['bytes that are no protobuf', Buffer.from('this is no protobuf at all'), status.INTERNAL],
    ['a Check with no attributes', Buffer.alloc(0), status.INVALID_ARGUMENT],
    ['a Check of 2 MB', Buffer.alloc(2 * 2 ** 20), status.RESOURCE_EXHAUSTED],
  ])('%s gets a clear error, and the next good Check an answer', async (_what, bytes, code) => {
    gate = await startTestApp();
    expect(await gate.checkBytes(bytes)).toMatchObject({ code });
    expect(leaseIn(await gate.check(checkOf(newStream(), 'pod1')))).toBeDefined();
  });

  it('a header of 1 MB gets a clear error, and the next good Check an answer', async () => {
    gate = await startTestApp();
    const huge = checkOf(newStream(), 'pod1', { upgrade: 'websocket', cookie: 'x'.repeat(2 ** 20) });
    expect(await gate.check(huge)).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    expect(leaseIn(await gate.check(checkOf(newStream(), 'pod1')))).toBeDefined();
  });

  it('an upgrade without a start or an address is told what is missing', async () => {
    gate = await startTestApp();
    const { attributes } = checkOf(newStream(), 'pod1');
    expect(await gate.check({ attributes: { ...attributes, source: {} } })).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: expect.stringContaining('attributes.source.address'),
    });
  });
});

describe('the access log', () => {
  it('makes a reserved lease live, and its end frees it', async () => {
    gate = await startTestApp();
    const stream = newStream();
    const lease = leaseIn(await gate.check(checkOf(stream, 'pod1')));
    const log = gate.logStream();
    const holders = async () =>
      (await (await gate.get('/v1/pods/pod1/connections')).json()) as { connections: unknown[] };
    expect((await holders()).connections).toMatchObject([{ lease, state: 'reserved', path: '/pod1/chat' }]);
    log.write(message(entryOf(stream, 'pod1', 'DownstreamTunnelSuccessfullyEstablished', { lease })));
    await expect.poll(holders).toMatchObject({ connections: [{ lease, state: 'live' }] });
    log.write(message(entryOf(stream, 'pod1', 'DownstreamEnd', { lease })));
    await expect.poll(() => gate.connections('pod1')).toBe(0);
  });

  it('counts a connection that the gate was never asked about, under the name a Check would have given it', async () => {
    gate = await startTestApp();
    const stream = newStream();
    gate.logStream().write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1')).toBe(1);
    await gate.check(checkOf(stream, 'pod1'));
    expect(await gate.connections('pod1')).toBe(1);
    expect(await (await gate.get('/metrics')).text()).toContain('wsgate_leases_adopted_total 1');
  });

  it('tells how many of the connections that it was never asked about are beyond the limit', async () => {
    gate = await startTestApp({ WSGATE_LIMITS_DEFAULT_CONNECTIONS: '2' });
    leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
    const log = gate.logStream();
    log.write(message(...[1, 2, 3, 4].map(() => entryOf(newStream(), 'pod1', 'DownstreamPeriodic'))));
    await expect
      .poll(() => readMetrics(`${gate.app.http}/metrics`), { timeout: 10_000 })
      .toMatchObject({ wsgate_leases_adopted_total: 4, wsgate_leases_adopted_over_limit_total: 3 });
  });

  it.each([
    ['the client left before the answer', { code: 0 }],
    ['the answer came too late', { code: 503, details: 'ext_authz_error' }],
  ])('frees the slot of an upgrade without metadata when %s', async (_what, options) => {
    gate = await startTestApp();
    const stream = newStream();
    await gate.check(checkOf(stream, 'pod1'));
    gate.logStream().write(message(entryOf(stream, 'pod1', 'DownstreamEnd', options)));
    await expect.poll(() => gate.connections('pod1')).toBe(0);
  });

  it.each([
    ['the route named', 'pod2', checkOf],
    ['context_extensions named, and not the route', 'pod1', checkByContext],
  ])('of a pod that %s, and another route by now: the slot is at %s', async (_what, at, check) => {
    gate = await startTestApp();
    const stream = newStream();
    const answer = await gate.check(check(stream, 'pod1'));
    const metadata = 'dynamicMetadata' in answer ? answer.dynamicMetadata : {};
    const log = gate.logStream();
    for (const type of ['DownstreamTunnelSuccessfullyEstablished', 'DownstreamPeriodic'] as const) {
      const entry = entryOf(stream, 'pod2', type);
      const told = { filterMetadata: { 'envoy.filters.http.ext_authz': metadata ?? {} } };
      log.write(message({ ...entry, commonProperties: { ...entry.commonProperties, metadata: told } }));
    }
    await expect.poll(() => gate.fleet()).toMatchObject({ [`websocket_pod_connections{pod_id="${at}"}`]: 1 });
    const other = at === 'pod1' ? 'pod2' : 'pod1';
    await expect.poll(() => gate.connections(other)).toBe(0);
    expect(await gate.connections(at)).toBe(1);
  });

  it('is not led astray by repeated, late and foreign entries', async () => {
    gate = await startTestApp();
    const [first, second] = [newStream(), newStream()];
    const lease = leaseIn(await gate.check(checkOf(first, 'pod1')));
    const other = leaseIn(await gate.check(checkOf(second, 'pod1')));
    const log = gate.logStream();
    const open = entryOf(first, 'pod1', 'DownstreamTunnelSuccessfullyEstablished', { lease });
    const end = entryOf(first, 'pod1', 'DownstreamEnd', { lease });
    log.write(message(open, open, end, end, open));
    log.write(message(entryOf(second, 'pod2', 'DownstreamEnd', { lease: other })));
    log.write(message(entryOf(newStream(), 'pod1', 'DownstreamEnd', { code: 200 })));
    log.write(message(entryOf(newStream(), 'pod1', 'DownstreamEnd', { code: 429, details: 'ext_authz_denied' })));
    log.write(message(entryOf(newStream(), 'pod2', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod2')).toBe(1);
    expect(await gate.connections('pod1')).toBe(1);
  });

  it('is known by its node when its metadata is not filled in, as Envoy leaves it', async () => {
    gate = await startTestApp();
    const log = gate.logStream('%ENVIRONMENT(PROXY_ID)%');
    const entry = entryOf(newStream(), 'pod1', 'DownstreamPeriodic');
    log.write({ identifier: { node: { id: 'proxy_c' } }, httpLogs: { logEntry: [entry] } });
    await expect
      .poll(() => gate.fleet())
      .toMatchObject({
        'websocket_proxy_connections{proxy_id="proxy_c"}': 1,
      });
  });

  it('that comes too rarely for the ttl is warned of', async () => {
    gate = await startTestApp({ WSGATE_LEASE_TTL: '1s', WSGATE_LEASE_RESERVE: '1s' });
    const log = gate.logStream();
    const stream = newStream();
    const spokenAgain = () => {
      log.write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic')));
      return gate.logLines;
    };
    await expect
      .poll(spokenAgain, { interval: 450 })
      .toContainEqual(expect.objectContaining({ proxy: 'proxy_a', intervalMs: expect.any(Number) }));
  });

  it('counts what is malformed and goes on reading', async () => {
    gate = await startTestApp();
    const stream = newStream();
    const log = gate.logStream();
    log.write(message(entryOf(stream, 'no pod', 'DownstreamPeriodic', { lease: 'no lease' })));
    log.write(message(entryOf(stream, 'no pod', 'DownstreamPeriodic')));
    log.write({});
    log.write(message({}, { commonProperties: {} }));
    log.writeBytes(Buffer.from('this is no protobuf at all'));
    log.write(message(entryOf(stream, 'pod1', 'DownstreamPeriodic')));
    await expect.poll(() => gate.connections('pod1')).toBe(1);
    const metrics = await (await gate.get('/metrics')).text();
    expect(metrics).toContain('wsgate_access_log_entries_total{kind="malformed"} 3');
    expect(metrics).toContain('wsgate_access_log_entries_total{kind="ignored"} 2');
  });
});

/** Of a route without metadata. */
function checkByContext(stream: Stream, pod: string): CheckRequest {
  const check = checkOf(stream, undefined);
  return { attributes: { ...check.attributes, contextExtensions: { pod } } };
}
