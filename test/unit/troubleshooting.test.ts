/** What docs/troubleshooting.md quotes of the gate is what the gate says, and log lines lead to entries that are there. */

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { ENTRIES } from '../../src/see.ts';

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const files = readdirSync(root('src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
// A text may go on in the next line of the source, and have values in it.
const source = files.map((name) => readFileSync(root(`src/${name}`), 'utf8').replace(/' \+\s+'/g, '')).join('\n');
const page = readFileSync(root('docs/troubleshooting.md'), 'utf8');
const quoted = [
  ...page.slice(page.indexOf('## The gate itself')).matchAll(/^\| (?:<a id="[^"]+"><\/a>)?`([^`]+)`/gm),
].map(([, text = '']) => text);

it.each(quoted)('%s', (text) => {
  const parts = text.split(/…|Node 24|lease\.ttl|listen\.grpc/).map((part) => part.trim());
  for (const part of parts) expect(source).toContain(part);
});

it('and it quotes something', () => {
  expect(quoted.length).toBeGreaterThan(4);
});

it('each entry that log lines lead to is there, once, and a log line leads to each', () => {
  const anchors = [...page.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id);
  expect(anchors.toSorted()).toEqual(ENTRIES);
  for (const entry of ENTRIES) expect(source).toMatch(new RegExp(`\\bsee\\([^()]*'${entry}'`));
});
