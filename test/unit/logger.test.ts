import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { createLogger } from '../../src/logger.ts';

const TEXT = { level: 'info', format: 'auto', levels: 'numbers', timestamps: 'epoch' } as const;

it('what a stranger sends cannot move the cursor or turn text around on a terminal', async () => {
  const out = new PassThrough();
  const log = await createLogger(TEXT, out, true);
  log.warn({ path: '/\x1b[2J\u009b2J\u202egnp.exe\n' }, 'a path\u009b2J');
  const line = String(out.read());
  expect(line).toContain(String.raw`{"path":"/\u001b[2J\u009b2J\u202egnp.exe\n"}`);
  expect(line).not.toMatch(/[\u0080-\u009f\p{Cf}]/u);
  expect(line.trimEnd()).not.toContain('\n');
});
