/** `wsgate doctor --url`: what a gate has seen of its Envoys. */

import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { checkOf, newStream } from '../../lab/fleet/messages.ts';
import { commands } from '../../src/commands.ts';
import { startTestApp } from '../support/app.ts';

it('says what a gate has seen of its Envoys, and ends with 2 when that is not well', async () => {
  const gate = await startTestApp({ WSGATE_LEASE_TTL: '2s', WSGATE_LEASE_RESERVE: '1s' });
  onTestFinished(() => gate.stop());
  await expect.poll(() => askDoctor(gate.app.http)).toEqual({ code: 0, said: 'the gate: nothing found\n' });
  const askedMeanwhile = async () => {
    await gate.check(checkOf(newStream(), 'pod1'));
    return askDoctor(gate.app.http);
  };
  await expect
    .poll(askedMeanwhile, { timeout: 30_000, interval: 250 })
    .toEqual({ code: 2, said: 'the gate says of proxies: proxy_a sends Checks but no access log\n' });
});

async function askDoctor(url: string | URL) {
  const out = new PassThrough();
  const never = new Promise<never>(() => {});
  const host = { env: {}, out, outIsTerminal: false, err: out, signal: () => never, onHangup: () => {} };
  const code = await commands.get('doctor')?.run(['--url', String(url)], host);
  out.end();
  return { code, said: await text(out) };
}
