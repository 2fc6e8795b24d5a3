/** The tables of a run, and the document that they are written into. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { type Figure, isMet, median, percentile, ratios } from './figure.ts';

const HEAD = ['figure', 'median', 'quartiles', '× floor', 'floor', 'target', ''];

/** What one benchmark found. */
export interface Finding {
  readonly benchmark: string;
  readonly what: string;
  readonly figures: readonly Figure[];
}

export function tablesOf(findings: readonly Finding[]): string {
  return findings
    .map(({ benchmark, what, figures }) => `### ${benchmark}: ${what}\n\n${tableOf(figures)}\n`)
    .join('\n');
}

function tableOf(figures: readonly Figure[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...figures.map(rowOf)];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function rowOf(figure: Figure): string[] {
  const { name, unit, samples, floor, atMost } = figure;
  const target = atMost && ('value' in atMost ? `≤ ${number(atMost.value)} ${unit}` : `≤ ${number(atMost.ratio)} ×`);
  const met = isMet(figure);
  return [
    name,
    `${number(median(samples))} ${unit}`,
    `${number(percentile(samples, 25))} to ${number(percentile(samples, 75))}`,
    floor ? number(median(ratios(figure) ?? [])) : '',
    floor?.name ?? '',
    target ?? '',
    met === undefined ? '' : met ? 'met' : '**missed**',
  ];
}

/** Three significant digits; whole numbers from 100 on. */
export function number(value: number): string {
  if (Math.abs(value) >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** What the figures are of. */
export function machine(): string {
  const [cpu] = cpus();
  return `${availableParallelism()} × ${cpu?.model.trim() ?? 'an unknown processor'}, Node ${process.versions.node}`;
}

const FIGURES = '## Figures';

/** Writes a section for each finding below the document's heading "Figures"; those of other benchmarks stay. */
export function writeFigures(file: string, findings: readonly Finding[], command: string): void {
  const [before = '', after = ''] = existsSync(file)
    ? readFileSync(file, 'utf8').split(FIGURES)
    : ['# Performance\n\n'];
  const [, ...written] = after.split(/^(?=### )/m);
  const sections = new Map(written.map((section) => [/^### ([^:]+)/.exec(section)?.[1], section.trim()]));
  for (const { benchmark, what, figures } of findings) {
    const origin = `Written by \`${command}\` on ${machine()}.`;
    sections.set(benchmark, `### ${benchmark}: ${what}\n\n${origin}\n\n${tableOf(figures)}`);
  }
  const how = 'Medians of the rounds, and their quartiles; a ratio is the median of the ratios of the rounds.';
  writeFileSync(file, `${before}${FIGURES}\n\n${how}\n\n${[...sections.values()].join('\n\n')}\n`);
}
