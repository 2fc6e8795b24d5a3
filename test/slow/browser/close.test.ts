/** Closing a connection on the page, with a real Envoy that has the hold door, and with one that has none. */

import { expect, it } from 'vitest';
import type { EdgeFile } from '../../../lab/fleet/edge.ts';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { seriousFaults } from '../../browser/axe.ts';
import { hasBrowser, TestBrowser } from '../../browser/browser.ts';

it.skipIf(!hasBrowser).each([
  ['hold.yaml', /^Closed proxy_a_/, 2, /^Released proxy_a_\S+ Its connection is closed\.$/, /^proxy_a\t1\t0\t0$/],
  [
    'edge.yaml',
    /^Not closed: no gate holds a stream/,
    3,
    /^Released proxy_a_\S+ It is only uncounted: no gate holds/,
    /^proxy_a\t0\t\d\t\d$/,
  ],
] as const satisfies [EdgeFile, RegExp, number, RegExp, RegExp][])(
  'with envoy/%s, the page says what came of it',
  async (file, outcome, left, freed, keeps) => {
    await using undo = new AsyncDisposableStack();
    const fleet = await Fleet.start({ file });
    undo.defer(() => fleet.stop());
    await fleet.open(3);
    await fleet.settlesAt(3);
    const browser = await TestBrowser.launch();
    undo.defer(() => browser.close());
    const page = await browser.visit(`http://127.0.0.1:${fleet.gate.httpPort}/#/pods/pod1`);
    await page
      .getByRole('button', { name: /^Release / })
      .first()
      .click();
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('button', { name: 'Close the connection' }).click();
    await page.getByRole('status', { name: 'Outcome' }).getByText(outcome).waitFor();
    await fleet.settlesAt(left);
    expect(fleet.pod.connections).toBe(left);
    const rows = page.getByRole('button', { name: /^Release / });
    await expect.poll(() => rows.count()).toBe(left);
    await rows.first().click();
    await page.getByRole('button', { name: 'Release the slot' }).click();
    await page.getByRole('status', { name: 'Outcome' }).getByText(freed).waitFor();
    await page.goto(`http://127.0.0.1:${fleet.gate.httpPort}/#/`);
    const kept = page.getByRole('table', { name: 'What keeps the slots' }).getByRole('row');
    await expect.poll(() => kept.allInnerTexts(), { timeout: 15_000 }).toContainEqual(expect.stringMatching(keeps));
    expect(await seriousFaults(page)).toEqual([]);
    await browser.endVisits();
  },
);
