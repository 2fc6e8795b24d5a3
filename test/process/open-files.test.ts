/** A gate that may open fewer files than its bounds on connections come to. Node raises the soft limit to the hard one. */

import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { type Program, start, until } from '../../lab/fleet/processes.ts';
import { openFilesMax } from '../../src/open-files.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const LINE = 'this process may open';

let gate: Program | undefined;
afterEach(() => gate?.stop());

async function saysWith(limit: string, bounds: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  gate = await start({
    name: 'gate',
    file: 'sh',
    args: ['-c', `ulimit ${limit}; exec ${process.execPath} ${MAIN} serve`],
    env: { WSGATE_LISTEN_GRPC: '127.0.0.1:0', WSGATE_LISTEN_HTTP: '127.0.0.1:0', ...bounds },
  });
  const { lines } = gate;
  await until('it serves', () => lines().some((line) => line.includes('"serving"')), 20_000);
  return lines().find((line) => line.includes(LINE));
}

it.runIf(openFilesMax())('says so when it starts, with the line to write, and serves all the same', async () => {
  const line = JSON.parse((await saysWith('-n 1000', { WSGATE_LISTEN_CONNECTIONS_MAX: '5000' })) ?? '{}');
  expect(line).toMatchObject({ openFilesMax: 1000, needed: 25_100, see: 'docs/troubleshooting.md#open-files' });
  expect(line.msg).toContain('LimitNOFILE=25100');
});

it('says nothing where only the soft limit is low, or the hub is off and bounds are as low as the limit', async () => {
  const bounds = {
    WSGATE_LISTEN_CONNECTIONS_MAX: '200',
    WSGATE_HTTP_CONNECTIONS_MAX: '100',
    WSGATE_HUB_ENABLED: 'false',
  };
  expect(await saysWith('-Hn 400; ulimit -Sn 300', bounds)).toBeUndefined();
});
