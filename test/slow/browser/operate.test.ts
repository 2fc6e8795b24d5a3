/** A pod's limit, cordon, drain and the closing of its connections on the page, and who did it. */

import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Fleet } from '../../../lab/fleet/fleet.ts';
import { seriousFaults } from '../../browser/axe.ts';
import { hasBrowser, TestBrowser } from '../../browser/browser.ts';

it.skipIf(!hasBrowser)(
  'the page changes a pod, asks before what cannot be undone, and tells what comes of it',
  async () => {
    await using undo = new AsyncDisposableStack();
    const fleet = await Fleet.start({ file: 'hold.yaml', config: { limits: { default: { connections: 20 } } } });
    undo.defer(() => fleet.stop());
    await fleet.open(10);
    await fleet.settlesAt(10);
    const browser = await TestBrowser.launch();
    undo.defer(() => browser.close());
    const url = `http://127.0.0.1:${fleet.gate.httpPort}/`;
    const page = await browser.visit(`${url}#/pods/pod1`);
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    const done = (text: string | RegExp) => page.getByRole('status', { name: 'Done' }).getByText(text).waitFor();
    const decided = (text: string | RegExp) => page.getByRole('region', { name: 'Decided' }).getByText(text).waitFor();

    await button('Set the limit').click();
    await page.getByRole('spinbutton', { name: 'Connections' }).fill('12');
    await page.getByLabel('Reason').fill('it leaks');
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByRole('dialog').getByRole('button', { name: 'Set the limit' }).click();
    await done('The limit is 12.');
    await decided('limit 12 by this machine: it leaks');
    await decided('the configuration says 20');
    await page.getByText('10 of 12').waitFor();
    await button('Take the limit back').click();
    await done('The limit is as configured.');

    await button('Cordon').click();
    await done('It takes no new connections.');
    expect((await fleet.open(1)).refused.map(({ status }) => status)).toEqual([429]);
    await button('Uncordon').click();
    await done('It takes new connections again.');

    await setTimeout(1500); // the store is told once a second which are held
    await button('Close connections').click();
    await page.getByLabel('How many').fill('2');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await fleet.settlesAt(10);
    await button('Close connections').click();
    await page.getByLabel('How many').fill('2');
    await button('Close the oldest').click();
    await done('2 are closed within 1 s.');
    await fleet.settlesAt(8, 3000);

    await button('Drain').click();
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByLabel('Closed each second').fill('2');
    await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
    await done('It drains.');
    await decided(/^draining at 2 a second, \d left, by this machine$/);
    await page.goto(`${url}#/`);
    await page.getByText('draining', { exact: true }).waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.goto(`${url}#/pods/pod1`);
    await decided('drained, 0 left, by this machine');
    expect(fleet.pod.connections).toBe(0);

    await page.getByRole('link', { name: 'Audit' }).click();
    const rows = page.getByRole('table', { name: 'Who changed what' }).getByRole('row');
    await expect.poll(() => rows.count()).toBe(8);
    expect((await rows.allInnerTexts())[1]).toMatch(/this machine\s+pod\.drained\s+pod1\s+asked 8, left 0$/);
    expect(await seriousFaults(page)).toEqual([]);
    await browser.endVisits();
  },
  90_000,
);
