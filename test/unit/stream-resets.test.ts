import { createSecureServer, createServer } from 'node:http2';
import { expect, it } from 'vitest';
import { StreamResets } from '../../src/envoy/grpc/stream-resets.ts';

const resets = new StreamResets({ burst: 20_000, rate: 10_000 }, () => {});

it.each([
  ['without TLS', () => createServer()],
  ['with TLS', () => createSecureServer()],
])('a server %s takes the bounds; one that keeps its options elsewhere is an error, not a default', (_, create) => {
  resets.bound(create());
  const other = create();
  for (const symbol of Object.getOwnPropertySymbols(other)) {
    if (symbol.description === 'options') Reflect.deleteProperty(other, symbol);
  }
  expect(() => resets.bound(other)).toThrow(/^listen.streamResetBurst cannot be set/);
});
