import { describe, expect, it } from 'vitest';
import type { Metadata } from '../../src/envoy/messages.ts';
import { toldLease } from '../../src/envoy/told-lease.ts';

const OURS = 'proxy_a_dct2sznf6o5h-10.0.0.1:1234';
const START = 'dct2sznf6o5h';

function metadata(namespaces: Record<string, Record<string, string>>): Metadata {
  const struct = (texts: Record<string, string>) => ({
    fields: Object.fromEntries(Object.entries(texts).map(([key, stringValue]) => [key, { stringValue }])),
  });
  return {
    filterMetadata: Object.fromEntries(Object.entries(namespaces).map(([name, texts]) => [name, struct(texts)])),
  };
}

describe('the lease of a stream is told', () => {
  it.each([
    ['by the keys of the gate', { 'envoy.filters.http.ext_authz': { 'wsgate.lease': OURS, 'wsgate.pod': 'pod1' } }],
    ['by an answer of the hold door', { wsgate: { lease: OURS, pod: 'pod1' } }],
    ['by the short keys', { 'envoy.filters.http.ext_authz': { lease: OURS, pod: 'pod1' } }],
    [
      'by the keys of the gate, when another filter has overwritten the short ones',
      {
        'envoy.filters.http.ext_authz': {
          'wsgate.lease': OURS,
          'wsgate.pod': 'pod1',
          lease: 'proxy_b_1-x',
          pod: 'pod2',
        },
      },
    ],
    [
      'by the hold door, when the short keys are those of another filter',
      { 'envoy.filters.http.ext_authz': { lease: 'token 7' }, wsgate: { lease: OURS, pod: 'pod1' } },
    ],
  ])('%s', (_how, namespaces) => {
    expect(toldLease(metadata(namespaces), START)).toMatchObject({ lease: OURS, pod: 'pod1' });
  });

  it.each([
    [true, 'by the route', { 'envoy.filters.http.ext_authz': { 'wsgate.lease': OURS, 'wsgate.pod': 'pod1' } }],
    [true, 'by the route, at the hold door', { wsgate: { lease: OURS, pod: 'pod1' } }],
    [
      false,
      'by something else',
      { 'envoy.filters.http.ext_authz': { 'wsgate.lease': OURS, 'wsgate.pod': 'pod1', 'wsgate.not-by-route': 'true' } },
    ],
    [false, 'by something else, at the hold door', { wsgate: { lease: OURS, pod: 'pod1', 'not-by-route': 'true' } }],
    [false, 'by keys that other filters may have', { 'envoy.filters.http.ext_authz': { lease: OURS, pod: 'pod1' } }],
  ])('byRoute is %s of a pod that was named %s', (byRoute, _how, namespaces) => {
    const byHold = 'wsgate' in namespaces;
    expect(toldLease(metadata(namespaces), START)).toEqual({ lease: OURS, pod: 'pod1', byRoute, byHold, others: [] });
  });
});

it.each(['envoy.filters.http.ext_authz', 'wsgate'])(
  'further pods are told with it, in their order, in %s',
  (namespace) => {
    const prefix = namespace === 'wsgate' ? '' : 'wsgate.';
    const told = { lease: OURS, pod: 'chat/10.0.0.1:80', others: 'chat/10.0.0.2:80,chat/10.0.0.3:80' };
    const fields = Object.fromEntries(Object.entries(told).map(([key, text]) => [prefix + key, text]));
    const others = ['chat/10.0.0.2:80', 'chat/10.0.0.3:80'];
    expect(toldLease(metadata({ [namespace]: fields }), START)).toMatchObject({ pod: told.pod, others });
  },
);

describe('the lease of a stream is not told', () => {
  it.each([
    [
      'by one that was given to a stream of another start',
      { lease: 'proxy_a_dct2sznf6o5i-10.0.0.1:1234', pod: 'pod1' },
    ],
    ['by one without a start', { lease: 'proxy_a', pod: 'pod1' }],
    ['by what is no lease', { lease: 'token 7', pod: 'pod1' }],
    ['without a pod', { lease: OURS }],
    ['with what is no pod', { lease: OURS, pod: 'pod 1' }],
  ])('%s', (_how, texts) => {
    expect(toldLease(metadata({ 'envoy.filters.http.ext_authz': texts }), START)).toBeUndefined();
  });

  it('when its start is not known', () => {
    const found = metadata({ 'envoy.filters.http.ext_authz': { lease: 'proxy_a_1', pod: 'pod1' } });
    expect(toldLease(found, undefined)).toBeUndefined();
    expect(toldLease(undefined, START)).toBeUndefined();
  });
});
