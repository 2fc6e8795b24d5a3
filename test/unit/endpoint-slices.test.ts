import { expect, test } from 'vitest';
import { endpointsIn } from '../../src/endpoints/endpoint-slices.ts';
import { sliceOf } from '../support/slices.ts';

const addresses = (...args: Parameters<typeof endpointsIn>) => {
  const found = endpointsIn(...args);
  return typeof found === 'string' ? found : found.map(({ address }) => address);
};

test('pods that are ready take new connections; they have a zone, a name and a uid', () => {
  const slices = [
    sliceOf('b', [{ address: '10.0.0.3', state: 'leaving' }]),
    sliceOf('a', [
      { address: '10.0.0.2', zone: 'z1' },
      { address: '10.0.0.1', state: 'starting' },
    ]),
  ];
  expect(endpointsIn(slices, 'ws')).toEqual([
    { address: '10.0.0.2:8080', zone: 'z1', name: 'chat-10.0.0.2', uid: 'uid of 10.0.0.2' },
  ]);
});

test('what a slice does not say of a pod counts as ready, and as not terminating', () => {
  const slice = sliceOf('a', [], { endpoints: [{ addresses: ['10.0.0.1'] }] });
  expect(endpointsIn([slice], 'ws')).toEqual([{ address: '10.0.0.1:8080' }]);
});

test('one that terminates takes none, although it is published as ready', () => {
  const endpoints = [{ addresses: ['10.0.0.1'], conditions: { ready: true, terminating: true } }];
  expect(addresses([sliceOf('a', [], { endpoints })], 'ws')).toEqual([]);
});

test('a pod in two slices is one, and so is one with an address of each family', () => {
  const moved = [sliceOf('a', [{ address: '10.0.0.1' }]), sliceOf('b', [{ address: '10.0.0.1' }])];
  const v6 = sliceOf('c', [{ address: '2001:DB8::1' }], { addressType: 'IPv6' });
  expect(addresses([...moved, v6], 'ws')).toEqual(['10.0.0.1:8080']);
  expect(addresses([v6], 'ws')).toEqual(['[2001:db8::1]:8080']);
});

test('the port is found by name or number, or is the only one', () => {
  const slice = sliceOf('a', [{ address: '10.0.0.1' }]);
  const single = { ...slice, ports: [{ port: 81 }] };
  expect(addresses([slice], 9000)).toEqual(['10.0.0.1:9000']);
  expect(addresses([single], undefined)).toEqual(['10.0.0.1:81']);
  expect(addresses([{ ...slice, ports: [] }], 82)).toEqual(['10.0.0.1:82']);
});

test('a slice without that port says what it has', () => {
  const slice = sliceOf('a', [{ address: '10.0.0.1' }]);
  const has = 'the EndpointSlice a has the ports: ws (8080), admin (9000). Expected: ';
  expect(addresses([slice], 'http')).toBe(`${has}the port http`);
  expect(addresses([slice], 80)).toBe(`${has}the port 80`);
  expect(addresses([slice], undefined)).toBe(`${has}a single one, or port in the configuration`);
  expect(addresses([{ ...slice, endpoints: [] }], 'http')).toEqual([]);
});
