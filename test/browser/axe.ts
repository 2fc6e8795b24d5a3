/** What axe-core finds wrong with a page as it is now, for people who cannot see it well or at all. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WORST = ['serious', 'critical'];

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** The serious faults, in words: in light, and those of its colours in dark, too. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(`window.axe ?? (() => { ${AXE} })()`);
  const faults: string[] = [];
  for (const [colorScheme, rules] of [
    ['light', {}],
    ['dark', { runOnly: ['color-contrast'] }],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    const options = JSON.stringify({ ...rules, resultTypes: ['violations'] });
    const violations = await page.evaluate<Violation[]>(`axe.run(${options}).then(({ violations }) => violations)`);
    for (const { id, nodes } of violations.filter(({ impact }) => WORST.includes(impact))) {
      faults.push(`${id}, in ${colorScheme}: ${nodes.map(({ html }) => html).join(' ')}`);
    }
  }
  return faults;
}
