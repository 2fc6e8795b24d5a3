/** What the gate decodes itself is what the loader decodes, less what was not asked for. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckRequest, StreamAccessLogsMessage } from '../../src/envoy/messages.ts';
import { loadDecoders, loadServices } from '../../src/envoy/protos.ts';
import { assertHolds } from '../support/property.ts';

const { authorization, accessLog } = loadServices();
const decoders = loadDecoders({
  headers: ['upgrade', 'x-pod'],
  metadata: [{ namespace: 'envoy.lb', key: 'backend' }],
  context: ['tenant'],
});
const RUNS = 300;

const text = fc.oneof(fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }), fc.constant('pod1'));
const optional = <T extends object>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }) =>
  fc.record<T, never>(model, { requiredKeys: [] });
const mapOf = <T>(keys: readonly string[], value: fc.Arbitrary<T>) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string({ maxLength: 8 })), value, { maxKeys: 6 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);

const struct = fc.record({
  fields: mapOf(['pod', 'lease', 'wsgate.pod', 'wsgate.lease', 'backend'], fc.record({ stringValue: text })),
});
const metadata = fc.record({ filterMetadata: mapOf(['wsgate', 'envoy.filters.http.ext_authz', 'envoy.lb'], struct) });
const time = optional({ seconds: fc.oneof(int64, fc.constant('1763696781')), nanos: fc.nat(999_999_999) });
const address = fc.oneof(
  fc.record({ socketAddress: optional({ address: text, portValue: fc.nat(65_535) }) }),
  fc.record({ pipe: fc.record({ path: text }) }),
  fc.record({ envoyInternalAddress: optional({ serverListenerName: text, endpointId: text }) }),
);
const peer = optional({ address, labels: mapOf(['proxy_id'], text) });
const headers = mapOf(['upgrade', 'x-pod', 'x-pop', ':method'], text);
const raw = fc.array(optional({ key: text, value: text, rawValue: fc.uint8Array({ minLength: 1, maxLength: 9 }) }));

const check = fc.record({
  attributes: optional({
    source: peer,
    destination: peer,
    request: optional({
      time,
      http: optional({ headers, headerMap: fc.record({ headers: raw }), id: text, path: text, host: text }),
    }),
    contextExtensions: mapOf(['pod', 'tenant'], text),
    metadataContext: metadata,
    routeMetadataContext: metadata,
  }),
});
const log = optional({
  identifier: fc.record({ node: fc.record({ id: text }) }),
  httpLogs: fc.record({
    logEntry: fc.array(
      optional({
        commonProperties: optional({
          downstreamDirectRemoteAddress: address,
          startTime: time,
          metadata,
          customTags: mapOf(['pod'], text),
          accessLogType: fc.constantFrom('DownstreamPeriodic' as const, 'DownstreamEnd' as const, 7),
        }),
        request: optional({ authority: text, path: text, requestHeaders: headers }),
        response: optional({ responseCode: fc.record({ value: fc.nat(999) }), responseCodeDetails: text }),
      }),
      { maxLength: 4 },
    ),
  }),
});

/** By the field's name: what is left of a map. An empty one is as good as none. */
const WANTED: Readonly<Record<string, readonly string[]>> = {
  headers: ['upgrade', 'x-pod'],
  requestHeaders: ['upgrade', 'x-pod'],
  labels: ['proxy_id'],
  contextExtensions: ['pod', 'tenant'],
  customTags: ['pod'],
  filterMetadata: ['wsgate', 'envoy.filters.http.ext_authz', 'envoy.lb'],
  fields: ['pod', 'lease', 'wsgate.pod', 'wsgate.lease', 'backend'],
};

function wantedOf(value: unknown, field = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => wantedOf(item));
  if (Buffer.isBuffer(value) || typeof value !== 'object' || value === null) return value;
  const keys = WANTED[field];
  const kept = Object.entries(value).filter(([key]) => !keys || keys.includes(key));
  return Object.fromEntries(
    kept.map(([key, inner]) => [key, wantedOf(inner, key)]).filter(([key, inner]) => !isEmptyMap(key, inner)),
  );
}

function isEmptyMap(field: unknown, value: unknown): boolean {
  const isMap = Object.hasOwn(WANTED, String(field)) && typeof value === 'object' && !Array.isArray(value);
  return isMap && Object.keys(value ?? {}).length === 0;
}

describe('decodes as the loader does', () => {
  it('a Check', async () => {
    await assertHolds(
      fc.asyncProperty(check, async (message) => {
        const bytes = authorization.Check.requestSerialize(message as CheckRequest);
        expect(wantedOf(decoders.check(bytes))).toEqual(wantedOf(authorization.Check.requestDeserialize(bytes)));
      }),
      RUNS,
    );
  });

  it('an access log message', async () => {
    const { requestSerialize, requestDeserialize } = accessLog.StreamAccessLogs;
    await assertHolds(
      fc.asyncProperty(log, async (message) => {
        const bytes = requestSerialize(message as StreamAccessLogsMessage);
        expect(wantedOf(decoders.log(bytes))).toEqual(wantedOf(requestDeserialize(bytes)));
      }),
      RUNS,
    );
  });
});

it('leaves out the headers that nobody asked for', () => {
  const http = { headers: { upgrade: 'websocket', cookie: 'secret', 'x-pod': 'pod1' } };
  const bytes = authorization.Check.requestSerialize({ attributes: { request: { http } } });
  expect(decoders.check(bytes)).toEqual({
    attributes: { request: { http: { headers: { upgrade: 'websocket', 'x-pod': 'pod1' } } } },
  });
});

it('refuses bytes that end too soon, wherever that is', () => {
  const http = { headers: { upgrade: 'websocket' }, path: '/chat', host: 'edge.example' };
  const bytes = authorization.Check.requestSerialize({ attributes: { request: { http } } });
  for (let length = 1; length < bytes.length; length += 1) {
    expect(() => decoders.check(bytes.subarray(0, length)), `${length} of ${bytes.length} bytes`).toThrow();
  }
});

it('reads nothing of a Value but a string, so that none can be too deep', () => {
  let deep: object = { stringValue: 'pod1' };
  for (let depth = 0; depth < 40; depth += 1) deep = { listValue: { values: [deep] } };
  const routeMetadataContext = { filterMetadata: { wsgate: { fields: { pod: deep } } } };
  const bytes = authorization.Check.requestSerialize({ attributes: { routeMetadataContext } });
  expect(decoders.check(bytes)).toEqual({
    attributes: { routeMetadataContext: { filterMetadata: { wsgate: { fields: { pod: {} } } } } },
  });
});
