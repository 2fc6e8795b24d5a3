/**
 * The wire format is the contract: what Envoy's own protos write, ours must read, and the other way round.
 */

import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import {
  definitions,
  ENVOY_DIRS,
  envoyMethod,
  filled,
  known,
  type Message,
  OUR_DIRS,
  reflect,
  shape,
} from '../../lab/fleet/envoy-protos.ts';
import type {
  CheckRequest,
  CheckResponse,
  ProcessingRequest,
  ProcessingResponse,
  StreamAccessLogsMessage,
} from '../../src/envoy/messages.ts';
import { loadServices } from '../../src/envoy/protos.ts';

/** Every field set, all the way down. Both fields of a oneof are: the loader reads and writes what it is given. */
type Complete<T> = T extends Uint8Array
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Complete<Item>[]
    : { readonly [Key in keyof T]-?: Complete<T[Key]> };

const address = {
  socketAddress: { address: '192.0.2.1', portValue: 40001 },
  pipe: { path: '/run/client.sock' },
  envoyInternalAddress: { serverListenerName: 'inner', endpointId: '10.0.0.1:80' },
};
const time = { seconds: '1767225600', nanos: 123456789 };
const metadata = { filterMetadata: { wsgate: { fields: { pod: { stringValue: 'pod1' } } } } };
const headers = [
  {
    header: { key: 'x-connection-id', value: 'proxy_a_1', rawValue: Buffer.from([0xff, 0]) },
    appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' as const,
  },
];

const checkRequest: Complete<CheckRequest> = {
  attributes: {
    source: { address, labels: { role: 'client' } },
    destination: { address, labels: { proxy_id: 'proxy_a' } },
    request: {
      time,
      http: {
        id: '4711',
        headers: { upgrade: 'websocket', ':path': '/pod1/chat?room=ö' },
        headerMap: { headers: headers.map((option) => option.header) },
        path: '/pod1/chat?room=ö',
        host: 'edge.example',
      },
    },
    contextExtensions: { pod: 'pod1' },
    metadataContext: metadata,
    routeMetadataContext: metadata,
  },
};

const checkResponse: Complete<CheckResponse> = {
  status: { code: 7 },
  deniedResponse: { status: { code: 0x7fffffff }, headers, body: '{"error":"LIMIT_EXCEEDED"}' },
  okResponse: { headers, headersToRemove: ['x-connection-id'] },
  dynamicMetadata: { fields: { lease: { stringValue: 'proxy_a_1' }, pod: { stringValue: 'pod1' } } },
};

const logMessage: Complete<StreamAccessLogsMessage> = {
  identifier: { node: { id: 'proxy_a' } },
  httpLogs: {
    logEntry: [
      {
        commonProperties: {
          downstreamRemoteAddress: address,
          downstreamDirectRemoteAddress: address,
          upstreamRemoteAddress: address,
          startTime: time,
          upstreamCluster: 'pod1',
          metadata,
          routeName: 'pods',
          customTags: { pod: 'pod1' },
          upstreamRequestAttemptCount: 2,
          accessLogType: 'DownstreamTunnelSuccessfullyEstablished',
        },
        request: {
          path: '/chat',
          authority: 'edge.example',
          requestHeaders: { upgrade: 'websocket' },
        },
        response: { responseCode: { value: 101 }, responseCodeDetails: 'via_upstream' },
      },
    ],
  },
};

const httpHeaders = { headers: { headers: headers.map((option) => option.header) } };
const processingRequest: Complete<ProcessingRequest> = {
  requestHeaders: httpHeaders,
  responseHeaders: httpHeaders,
  requestBody: {},
  responseBody: {},
  requestTrailers: {},
  responseTrailers: {},
  metadataContext: metadata,
  attributes: { 'envoy.filters.http.ext_proc': { fields: { 'xds.node.id': { stringValue: 'proxy_a' } } } },
};

const headerMutation = { setHeaders: headers, removeHeaders: ['x-connection-id'] };
const processingResponse: Complete<ProcessingResponse> = {
  requestHeaders: { response: { headerMutation } },
  responseHeaders: { response: { headerMutation } },
  requestBody: {},
  responseBody: {},
  requestTrailers: {},
  responseTrailers: {},
  immediateResponse: {
    status: { code: 0x7fffffff },
    headers: headerMutation,
    body: Buffer.from('{"error":"LIMIT_EXCEEDED"}'),
    details: 'wsgate_limit_exceeded',
  },
  dynamicMetadata: { fields: { lease: { stringValue: 'proxy_a_1' } } },
  modeOverride: { responseHeaderMode: 'SKIP', responseTrailerMode: 'SEND' },
};

const { authorization, accessLog, externalProcessor } = loadServices();
const ourRoot = reflect(OUR_DIRS, 'camelCase');
const envoyRoot = reflect(ENVOY_DIRS, 'camelCase');

const check = {
  ours: authorization.Check,
  theirs: envoyMethod('envoy/service/auth/v3/external_auth.proto', 'envoy.service.auth.v3.Authorization', 'Check'),
};
const logs = {
  ours: accessLog.StreamAccessLogs,
  theirs: envoyMethod(
    'envoy/service/accesslog/v3/als.proto',
    'envoy.service.accesslog.v3.AccessLogService',
    'StreamAccessLogs',
  ),
};

const processing = {
  ours: externalProcessor.Process,
  theirs: envoyMethod(
    'envoy/service/ext_proc/v3/external_processor.proto',
    'envoy.service.ext_proc.v3.ExternalProcessor',
    'Process',
  ),
};

interface Codec {
  encode(message: object): Buffer;
  decode(bytes: Buffer): object;
}

const request = ({ ours, theirs }: typeof check | typeof logs | typeof processing): { ours: Codec; theirs: Codec } => ({
  ours: { encode: ours.requestSerialize, decode: ours.requestDeserialize },
  theirs: { encode: theirs.requestSerialize, decode: theirs.requestDeserialize },
});

const response = ({
  ours,
  theirs,
}: typeof check | typeof logs | typeof processing): { ours: Codec; theirs: Codec } => ({
  ours: { encode: ours.responseSerialize, decode: ours.responseDeserialize },
  theirs: { encode: theirs.responseSerialize, decode: theirs.responseDeserialize },
});

const exchanges: { name: string; sample: object; ours: Codec; theirs: Codec }[] = [
  { name: 'envoy.service.auth.v3.CheckRequest', sample: checkRequest, ...request(check) },
  { name: 'envoy.service.auth.v3.CheckResponse', sample: checkResponse, ...response(check) },
  { name: 'envoy.service.accesslog.v3.StreamAccessLogsMessage', sample: logMessage, ...request(logs) },
  { name: 'envoy.service.accesslog.v3.StreamAccessLogsResponse', sample: {}, ...response(logs) },
  { name: 'envoy.service.ext_proc.v3.ProcessingRequest', sample: processingRequest, ...request(processing) },
  { name: 'envoy.service.ext_proc.v3.ProcessingResponse', sample: processingResponse, ...response(processing) },
];

/** Fails unless `message` has exactly the fields of its descriptor, all the way down to Google's own types. */
function expectComplete(message: Message, type: protobuf.Type): void {
  expect(Object.keys(message).sort(), type.fullName).toEqual(Object.keys(type.fields).sort());
  for (const field of type.fieldsArray) {
    const inner = field.resolvedType;
    if (!(inner instanceof protobuf.Type) || inner.fullName.startsWith('.google.protobuf.')) continue;
    const value = message[field.name];
    const items = field.repeated || field.map ? Object.values(value as Message) : [value];
    expect(items, field.fullName).not.toEqual([]);
    for (const item of items) expectComplete(item as Message, inner);
  }
}

describe.each(exchanges)('$name', ({ name, sample, ours, theirs }) => {
  it('has exactly the fields that its TypeScript type has', () => {
    expectComplete(sample as Message, ourRoot.lookupType(name));
  });

  it("written by Envoy's protos, is read by ours", () => {
    expect(ours.decode(theirs.encode(sample))).toEqual(sample);
  });

  it("written by ours, is read by Envoy's protos", () => {
    expect(theirs.decode(ours.encode(sample))).toEqual(sample);
  });

  // Enough variants for the longest oneof to have each of its fields set at least once.
  it.each([0, 1, 2, 3, 4, 5])(
    'full of fields that we do not know, is read for what we know (variant %i)',
    (variant) => {
      const theirType = envoyRoot.lookupType(name);
      const full = filled(theirType, variant);
      const bytes = theirs.encode(full);
      expect(theirs.decode(bytes)).toEqual(full);
      expect(ours.decode(bytes)).toEqual(known(full, ourRoot.lookupType(name), theirType));
    },
  );

  it('with nothing set, decodes to nothing', () => {
    expect(ours.decode(Buffer.alloc(0))).toEqual({});
  });
});

describe('every definition in proto/', () => {
  const theirs = reflect(ENVOY_DIRS, 'written');

  it.each(definitions(reflect(OUR_DIRS, 'written')).map((item) => ({ name: item.fullName, item })))(
    "is the same in Envoy's: $name",
    ({ name, item }) => {
      const their = theirs.lookup(name);
      if (item instanceof protobuf.Type && their instanceof protobuf.Type) {
        for (const field of item.fieldsArray) {
          const same = their.fields[field.name];
          expect(shape(field)).toEqual(same && shape(same));
        }
      } else if (item instanceof protobuf.Enum && their instanceof protobuf.Enum) {
        expect(their.values).toMatchObject(item.values);
      } else if (item instanceof protobuf.Service && their instanceof protobuf.Service) {
        for (const method of item.methodsArray) expect(their.methods[method.name]?.toJSON()).toEqual(method.toJSON());
      } else {
        expect.fail(`${name} is no ${item.constructor.name} in Envoy's protos`);
      }
    },
  );

  it.each([check, logs, processing])('is offered under the path that Envoy calls: $theirs.path', ({ ours, theirs }) => {
    expect(ours).toMatchObject({
      path: theirs.path,
      requestStream: theirs.requestStream,
      responseStream: theirs.responseStream,
    });
  });
});

describe('an enum value that proto/ does not name', () => {
  it('is read as its number', () => {
    const entry = { commonProperties: { accessLogType: 'UpstreamPeriodic' } };
    expect(request(logs).ours.decode(request(logs).theirs.encode({ httpLogs: { logEntry: [entry] } }))).toEqual({
      httpLogs: { logEntry: [{ commonProperties: { accessLogType: 8 } }] },
    });
  });

  it('is written as its number: any HTTP status', () => {
    const bytes = response(check).ours.encode({ deniedResponse: { status: { code: 429 } } });
    expect(response(check).theirs.decode(bytes)).toEqual({ deniedResponse: { status: { code: 'TooManyRequests' } } });
  });
});
