/** Closing a connection on the page, with a real Envoy that has the hold door, and with one that has none. */

import { expect, it } from 'vitest';
import type { EdgeFile } from '../../lab/fleet/edge.ts';
import { Fleet } from '../../lab/fleet/fleet.ts';
import { seriousFaults } from './axe.ts';
import { hasBrowser, TestBrowser } from './browser.ts';

it.skipIf(!hasBrowser).each([
  ['hold.yaml', /^Closed proxy_a_/, 1],
  ['edge.yaml', /^Not closed: no gate holds a stream for it/, 2],
] as const satisfies [EdgeFile, RegExp, number][])(
  'with envoy/%s, the page says what came of it',
  async (file, outcome, left) => {
    await using undo = new AsyncDisposableStack();
    const fleet = await Fleet.start({ file });
    undo.defer(() => fleet.stop());
    await fleet.open(2);
    await fleet.settlesAt(2);
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
    await browser.endVisits();
  },
);
