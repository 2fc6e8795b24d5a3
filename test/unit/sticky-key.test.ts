import { expect, it } from 'vitest';
import { stickyKey } from '../../src/envoy/sticky-key.ts';

const shown = {
  header: (name: string) => ({ 'x-user': 'ann', cookie: 'a=1; session=x=y ;empty=,late=z' })[name],
  metadata: (namespace: string, key: string) => (namespace === 'jwt' && key === 'sub' ? 'bob' : undefined),
  path: '/chat?room=lob%20by&empty=#part',
};

it.each([
  [{ header: 'x-user' }, 'ann'],
  [{ header: 'x-other' }, undefined],
  [{ cookie: 'session' }, 'x=y'],
  [{ cookie: 'late' }, 'z'],
  [{ cookie: 'empty' }, undefined],
  [{ cookie: 'ession' }, undefined],
  [{ query: 'room' }, 'lob by'],
  [{ query: 'empty' }, undefined],
  [{ query: 'other' }, undefined],
  [{ metadata: { namespace: 'jwt', key: 'sub' } }, 'bob'],
  [{ metadata: { namespace: 'jwt', key: 'other' } }, undefined],
])('of %j the key is %j', (source, key) => {
  expect(stickyKey(source, shown)).toBe(key);
});

it('a request without a query has no key in it', () => {
  expect(stickyKey({ query: 'room' }, { ...shown, path: '/room=1' })).toBeUndefined();
  expect(stickyKey({ query: 'room' }, { ...shown, path: undefined })).toBeUndefined();
});
