import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

/** `npm test` and `npm run build` make it. */
const BUILT = fileURLToPath(new URL('../../dist/dashboard/', import.meta.url));
const BYTES_MAX = 100 * 1024;

it('the dashboard is under 100 KB gzipped in all', () => {
  const entries = readdirSync(BUILT, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = entries.map(({ parentPath, name }) => gzipSync(readFileSync(join(parentPath, name))).length);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`the dashboard: ${bytes} bytes gzipped, in ${sizes.length} files`);
  expect(bytes).toBeGreaterThan(1024);
  expect(bytes).toBeLessThan(BYTES_MAX);
});
