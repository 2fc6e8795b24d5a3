/** `npm run traffic` against something in the place of an Envoy that answers each upgrade in one way. */

import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';

const TRAFFIC = fileURLToPath(new URL('../../scripts/traffic.ts', import.meta.url));

let server: Server;
afterEach(() => void server.close());

async function run(status: number): Promise<{ code: unknown; output: string }> {
  server = createServer();
  server.on('upgrade', (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ['--proxies', url, '--metrics', url, '--pod', 'pod1', '--connections', '3', '--hold', '1m'];
  return new Promise((resolve) => {
    execFile(process.execPath, [TRAFFIC, ...args], { timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? error.signal) : 0, output: stdout + stderr }),
    );
  });
}

it('when nobody gets in for another reason than a full pod, it ends with 1 at once, and says how it was answered', async () => {
  const { code, output } = await run(404);
  expect(code).toBe(1);
  expect(output).toContain('0 of 3 opened, 3 refused');
  expect(output).toContain('3 × 404');
});

it('when the pod is full, all is as expected: it ends with 0, and holds nothing', async () => {
  const { code, output } = await run(429);
  expect(code, output).toBe(0);
});
