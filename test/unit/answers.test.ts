/** The bytes of the answers that the gate writes by hand are those of the messages that they are meant to be. */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LeaseId, PodId } from '../../src/admission/ids.ts';
import { Answers } from '../../src/envoy/answers.ts';
import { BackwardWriter } from '../../src/envoy/backward-writer.ts';
import { loadServices } from '../../src/envoy/protos.ts';
import { assertHolds } from '../support/property.ts';

const { responseSerialize, responseDeserialize } = loadServices().authorization.Check;
const answers = new Answers(responseSerialize, { denyStatus: 429, retryAfterMs: 5000 });

const name = (max: number) => fc.string({ unit: fc.constantFrom(...'Az09._:-'), minLength: 1, maxLength: max });

it('an allow carries its lease as a header and in the metadata, and its pod there, however long they are', async () => {
  await assertHolds(
    fc.asyncProperty(name(382), name(253), fc.boolean(), async (lease, pod, byRoute) => {
      expect(responseDeserialize(answers.allow(lease as LeaseId, pod as PodId, byRoute))).toEqual({
        status: {},
        okResponse: {
          headers: [{ header: { key: 'x-connection-id', value: lease }, appendAction: 'OVERWRITE_IF_EXISTS_OR_ADD' }],
          headersToRemove: ['x-gateway-destination-endpoint'],
        },
        dynamicMetadata: {
          fields: {
            'wsgate.lease': { stringValue: lease },
            'wsgate.pod': { stringValue: pod },
            ...(byRoute ? {} : { 'wsgate.not-by-route': { stringValue: 'true' } }),
            lease: { stringValue: lease },
            pod: { stringValue: pod },
          },
        },
      });
    }),
    200,
  );
});

it('an allow of a pod of a service says where it is, as a header and in the metadata', () => {
  const endpoint = '10.0.0.1:8080';
  expect(responseDeserialize(answers.allow('proxy_a_1' as LeaseId, `chat/${endpoint}` as PodId, false))).toMatchObject({
    okResponse: {
      headers: [
        { header: { key: 'x-connection-id', value: 'proxy_a_1' } },
        { header: { key: 'x-gateway-destination-endpoint', value: endpoint } },
      ],
    },
    dynamicMetadata: {
      fields: {
        'x-gateway-destination-endpoint': { stringValue: endpoint },
        'wsgate.pod': { stringValue: `chat/${endpoint}` },
      },
    },
  });
});

it('an allow may name further pods, in their order: to Envoy by their addresses, to the gate by their names', () => {
  const [pod, ...others] = ['chat/10.0.0.1:80', 'chat/10.0.0.2:80', 'chat/10.0.0.3:80'] as PodId[];
  const all = '10.0.0.1:80,10.0.0.2:80,10.0.0.3:80';
  const named = { stringValue: 'chat/10.0.0.2:80,chat/10.0.0.3:80' };
  expect(responseDeserialize(answers.allow('proxy_a_1' as LeaseId, pod as PodId, true, others))).toMatchObject({
    okResponse: { headers: [{}, { header: { key: 'x-gateway-destination-endpoint', value: all } }] },
    dynamicMetadata: { fields: { 'x-gateway-destination-endpoint': { stringValue: all }, 'wsgate.others': named } },
  });
});

it('an allow is its own: the next one does not change it', () => {
  const first = answers.allow('proxy_a_1' as LeaseId, 'pod1' as PodId, true);
  const before = Buffer.from(first);
  answers.allow('proxy_b_2' as LeaseId, 'pod2' as PodId, true);
  expect(first).toEqual(before);
});

it('a message that is too long is an error, not another message', () => {
  const writer = new BackwardWriter(16).begin();
  expect(() => writer.text(1, 'x'.repeat(17))).toThrow(RangeError);
});

it('a denial says why, and when to try again where that helps', () => {
  expect(responseDeserialize(answers.deny('LIMIT_EXCEEDED'))).toMatchObject({
    status: { code: 7 },
    deniedResponse: { status: { code: 429 }, body: '{"error":"LIMIT_EXCEEDED","retry_after":5}' },
  });
  expect(responseDeserialize(answers.deny('POD_UNKNOWN'))).toMatchObject({
    deniedResponse: { status: { code: 403 }, body: '{"error":"POD_UNKNOWN"}' },
  });
});
