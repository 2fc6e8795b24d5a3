import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startGate } from '../../../lab/fleet/gate.ts';
import { startRedis } from '../../../lab/redis/server.ts';
import { seriousFaults } from '../../browser/axe.ts';
import { hasBrowser, TestBrowser } from '../../browser/browser.ts';

const TOKEN = 'a-token-of-thirty-two-characters';

describe.skipIf(!hasBrowser)('the page and its gate', () => {
  let browser: TestBrowser;
  const undo: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    browser = await TestBrowser.launch();
  });
  afterEach(async () => {
    await browser.endVisits(); // before the gates stop, which the page would notice
    for (const each of undo.splice(0)) await each();
  });
  afterAll(() => browser.close());

  const gateOf = async (options: Parameters<typeof startGate>[0]) => {
    const gate = await startGate({ ...options, config: { lease: { recovery: '0s' }, ...options?.config } });
    undo.push(() => gate.stop());
    return gate;
  };

  it('the page says that it is stale when the gate has gone, and no longer when it is back', async () => {
    const gate = await gateOf({});
    const { grpcPort, httpPort } = gate;
    const page = await browser.visit(`http://127.0.0.1:${httpPort}/`, { expected: /ERR_CONNECTION|WebSocket|failed:/ });
    const state = page.getByRole('status', { name: 'State' });
    await state.getByText('gates 1').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
    await gate.stop();
    await page
      .getByRole('alert')
      .getByText(/^Stale:/)
      .waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await gateOf({ grpcPort, httpPort });
    await page.getByRole('alert').waitFor({ state: 'detached', timeout: 30_000 });
  });

  it('tells the version of each gate, and for how long it has run', async () => {
    const redis = await startRedis();
    undo.push(() => redis.stop());
    const config = { store: { url: redis.url } };
    const { httpPort } = await gateOf({ config });
    const other = await gateOf({ config });
    const page = await browser.visit(`http://127.0.0.1:${httpPort}/`);
    const rows = page.getByRole('table', { name: 'Gates' }).getByRole('row');
    const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    const running = expect.stringMatching(new RegExp(`^\\S+\\t${version}\\t(\\dm )?\\d+s$`));
    await expect
      .poll(() => rows.allInnerTexts(), { timeout: 15_000 })
      .toEqual(['Gate\tVersion\tUp for', running, running]);
    other.kill('SIGKILL');
    await rows.getByText(/^silent since /).waitFor({ timeout: 30_000 });
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('a gate that died is named while it counts as silent', async () => {
    const redis = await startRedis();
    undo.push(() => redis.stop());
    const config = { store: { url: redis.url } };
    const { httpPort } = await gateOf({ config });
    const other = await gateOf({ config });
    const page = await browser.visit(`http://127.0.0.1:${httpPort}/`);
    const state = page.getByRole('status', { name: 'State' });
    await state.getByText('gates 2').waitFor();
    other.kill('SIGKILL');
    await state.getByText(/^gate \S+ is silent$/).waitFor({ timeout: 30_000 });
    await state.getByText('gates 1').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
  });

  it('a token is asked for, refused when wrong, and kept for as long as the tab is open', async () => {
    const { httpPort } = await gateOf({ config: { http: { tokens: [TOKEN] } } });
    const page = await browser.visit(`http://127.0.0.1:${httpPort}/`, { expected: /\b401\b|ERR_ABORTED/ });
    const signIn = page.getByRole('button', { name: 'Sign in' });
    const hasFocus = () => page.evaluate<boolean>('document.activeElement.matches("input[type=password]")');
    await expect.poll(hasFocus).toBe(true);
    await page.getByLabel('Token').fill('wrong');
    await signIn.click();
    await page.getByRole('alert').getByText('does not know that token').waitFor();
    await expect.poll(hasFocus).toBe(true);
    expect(await seriousFaults(page)).toEqual([]);
    await page.getByLabel('Token').fill(TOKEN);
    await signIn.click();
    const state = page.getByRole('status', { name: 'State' });
    await state.getByText('gates 1').waitFor();
    expect(page.url()).not.toContain(TOKEN);
    await page.reload();
    await state.getByText('gates 1').waitFor();
    expect(await page.getByLabel('Token').count()).toBe(0);
  });
});
