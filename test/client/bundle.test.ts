import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { expect, it } from 'vitest';

const ENTRY = fileURLToPath(new URL('../../src/client/index.ts', import.meta.url));
const BYTES_MAX = 3 * 1024;

it('the client is one small file for browsers, which imports nothing', async () => {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: { lib: { entry: ENTRY, formats: ['es'], fileName: 'client' }, write: false, minify: true, target: 'es2022' },
  });
  const [bundle] = Array.isArray(built) ? built : [];
  const files = bundle && 'output' in bundle ? bundle.output : [];
  expect(files).toHaveLength(1);
  const [file] = files;
  if (file?.type !== 'chunk') throw new Error('no code');
  expect([...file.imports, ...file.dynamicImports]).toEqual([]);
  const { length: bytes } = gzipSync(file.code);
  console.log(`wsgate/client: ${bytes} bytes, minified and gzipped`);
  expect(bytes).toBeLessThan(BYTES_MAX);
});
