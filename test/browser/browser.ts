/** The system's Chromium on the dashboard. A visit during which anything went wrong in the browser fails its test. */

import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { chromiumProgram, launchChromium } from '../../lab/fleet/chromium.ts';

export const hasBrowser = chromiumProgram !== undefined;
if (!hasBrowser) console.warn('skipped: what needs a browser; there is no Chromium (CHROMIUM_BIN)');

interface VisitOptions extends BrowserContextOptions {
  /** What the browser may complain of, because the test brings it about. */
  readonly expected?: RegExp;
}

interface Visit {
  readonly page: Page;
  readonly problems: string[];
  readonly expected: RegExp | undefined;
}

export class TestBrowser {
  readonly #browser: Browser;
  readonly #visits: Visit[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    return new TestBrowser(await launchChromium());
  }

  /** Opens the page in a browser that has been nowhere before. */
  async visit(url: string, { expected, ...options }: VisitOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const problems: string[] = [];
    const { host } = new URL(url);
    const refuseOutside = (address: string) => {
      if (new URL(address).host !== host) problems.push(`a request to somewhere else: ${address}`);
    };
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
    page.on('requestfailed', (request) => problems.push(`failed: ${request.url()}: ${request.failure()?.errorText}`));
    page.on('request', (request) => refuseOutside(request.url()));
    page.on('websocket', (socket) => refuseOutside(socket.url()));
    this.#visits.push({ page, problems, expected });
    await page.goto(url);
    return page;
  }

  /** Throws when something has gone wrong in a visit since this was last asked. */
  expectNoProblems(): void {
    const wrong = this.#visits.flatMap(({ problems, expected }) =>
      problems.splice(0).filter((problem) => !expected?.test(problem)),
    );
    if (wrong.length > 0) throw new Error(`in the browser:\n${wrong.join('\n')}`);
  }

  /** Ends all visits. Rejects when something went wrong in one of them. */
  async endVisits(): Promise<void> {
    for (const { page } of this.#visits) await page.context().close();
    try {
      this.expectNoProblems();
    } finally {
      this.#visits.length = 0;
    }
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}
