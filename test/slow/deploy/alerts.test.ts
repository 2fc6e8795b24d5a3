import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { alerts, has, pathOf, RULES, textOf } from '../../deploy/files.ts';

const SERIES = 'test/deploy/wsgate.rules.test.yml';
const Expectation = z.object({ expr: z.string(), exp_samples: z.array(z.object({ labels: z.string() })) });
const Fired = z.object({ alertname: z.string(), exp_alerts: z.array(z.unknown()) });
const Tests = z.object({
  tests: z.array(z.object({ promql_expr_test: z.array(Expectation), alert_rule_test: z.array(Fired).default([]) })),
});

describe.skipIf(!has('promtool'))('promtool', () => {
  const promtool = (...args: string[]) => execFileSync('promtool', args, { encoding: 'utf8', stdio: 'pipe' });

  it('finds nothing to say of the rules, and of the configuration that loads them', () => {
    expect(promtool('check', 'config', pathOf('deploy/prometheus/prometheus.yml'))).toContain(
      `SUCCESS: ${alerts.length} rules found`,
    );
  });

  it('sees each alert fire when it should, and not when it should not', () => {
    expect(promtool('test', 'rules', pathOf(SERIES))).toContain('SUCCESS');
  });
});

it.each(alerts)('$alert is seen quiet and firing on series', ({ alert }) => {
  const { tests } = Tests.parse(parse(textOf(SERIES)));
  const expected = tests.flatMap(({ promql_expr_test }) => promql_expr_test);
  const named = `alertname="${alert}"`;
  const quiet = expected.some(({ expr, exp_samples }) => expr.includes(named) && exp_samples.length === 0);
  const fires =
    expected.some(({ exp_samples }) => exp_samples.some(({ labels }) => labels.includes(named))) ||
    tests.some(({ alert_rule_test }) =>
      alert_rule_test.some(({ alertname, exp_alerts }) => alertname === alert && exp_alerts.length > 0),
    );
  expect({ quiet, fires }).toEqual({ quiet: true, fires: true });
});

it('each alert has a section in docs/alerts.md, and each section an alert', () => {
  const sections = [...textOf('docs/alerts.md').matchAll(/^## (\w+)$/gm)].map(([, title]) => title);
  expect(sections.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
});

it.each(alerts)('$alert leads to its section', ({ alert, annotations }) => {
  expect(annotations.runbook_url).toBe(`docs/alerts.md#${alert.toLowerCase()}`);
});

it('the sections say what it means, how to see more, what to do, and when it is harmless', () => {
  const sections = textOf('docs/alerts.md').split(/^## /m).slice(1);
  for (const section of sections) {
    const [title = '', , meaning = ''] = section.split('\n');
    expect(meaning, title).toMatch(/^[A-Z]/);
    expect(section, title).toContain('**See more**');
    expect(section, title).toContain('**Harmless**');
    if (!section.includes('| what to do |')) expect(section, title).toContain('**Do**');
  }
});

it('the rules are the file that Prometheus is told to load', () => {
  const { rule_files } = z
    .object({ rule_files: z.array(z.string()) })
    .parse(parse(textOf('deploy/prometheus/prometheus.yml')));
  expect(rule_files).toEqual([RULES.split('/').at(-1)]);
});
