/** A gate that starts on a store without a past admits nobody for a while, and says so wherever somebody looks. */

import { afterEach, expect, it } from 'vitest';
import { checkOf, leaseIn, newStream } from '../../lab/fleet/messages.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

const RECOVERY_MS = 4000;

let gate: TestApp;
afterEach(() => gate.stop());

const start = (env: Record<string, string> = {}) => startTestApp({ WSGATE_LEASE_RECOVERY: `${RECOVERY_MS}ms`, ...env });
const readyz = async () => (await gate.get('/readyz')).json();
const lines = (text: string) => gate.logLines.filter(({ msg }) => String(msg).includes(text));

it('it says that it refuses everybody, why, and for how long; and when that is over', async () => {
  gate = await start();
  expect(await gate.check(checkOf(newStream(), 'pod1'))).toMatchObject({
    deniedResponse: { status: { code: 503 }, body: '{"error":"STORE_RECOVERING","retry_after":5}' },
  });
  expect(await readyz()).toMatchObject({
    ready: true,
    checks: {
      store: expect.stringMatching(/not trusted for another \d+ ms \(lease\.recovery\)/),
      upgrades: expect.stringContaining('nobody is admitted'),
    },
  });
  expect(lines('for lease.recovery nobody is admitted')).toMatchObject([
    { level: 40, untrustedForMs: expect.any(Number), see: 'docs/troubleshooting.md#store-recovering' },
  ]);
  expect(lines('recovery is over')).toEqual([]);

  await expect.poll(() => lines('recovery is over'), { timeout: 2 * RECOVERY_MS }).toHaveLength(1);
  expect(await readyz()).toMatchObject({ checks: { store: 'ok', upgrades: 'decided by the store' } });
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
});

it('it says that it admits everybody where outage.policy is allow', async () => {
  gate = await start({ WSGATE_OUTAGE_POLICY: 'allow' });
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
  expect(lines('for lease.recovery everybody is admitted')).toHaveLength(1);
  expect(await readyz()).toMatchObject({ checks: { upgrades: expect.stringContaining('everybody is admitted') } });
});

it('without lease.recovery it trusts its store at once, and speaks of no recovery', async () => {
  gate = await start({ WSGATE_LEASE_RECOVERY: '0s' });
  leaseIn(await gate.check(checkOf(newStream(), 'pod1')));
  expect(lines('recovery')).toEqual([]);
});
