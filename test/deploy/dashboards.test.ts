import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { startTestApp } from '../support/app.ts';
import { alerts, asSent, dashboards, has } from './files.ts';
import { metricsIn } from './promql.ts';

/** Made by Prometheus itself: whether a scrape succeeded, and the state of alerts. */
const PROMETHEUS_OWN = ['up', 'ALERTS'];

it('there is a dashboard for the fleet, one for the gates, one for the hub', () => {
  expect(dashboards.map(({ uid }) => uid)).toEqual(['wsgate-fleet', 'wsgate-gate', 'wsgate-hub']);
});

describe.each(dashboards)('$name', ({ panels, charts, templating }) => {
  it('has panels with ids and titles of their own', () => {
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const titles = panels.map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('lets one choose the Prometheus', () => {
    expect(templating.list[0]).toMatchObject({ name: 'datasource', type: 'datasource' });
  });

  it('has no panel that lies over another, or beyond the edge', () => {
    for (const { title, gridPos: a } of panels) {
      expect(a.x + a.w, title).toBeLessThanOrEqual(24);
      const over = panels.filter(
        ({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
      );
      expect(over.map((panel) => panel.title)).toEqual([title]);
    }
  });

  it.skipIf(!has('promtool'))('asks Prometheus only what it understands', () => {
    const rules = charts.flatMap(({ targets }) => targets.map(({ expr }) => ({ record: 'panel', expr: asSent(expr) })));
    const folder = lendFolder('dashboards');
    onTestFinished(() => folder.remove());
    const file = join(folder.path, 'panels.yml');
    writeFileSync(file, stringify({ groups: rules.map((rule, index) => ({ name: `${index}`, rules: [rule] })) }));
    expect(execFileSync('promtool', ['check', 'rules', '--lint=none', file], { encoding: 'utf8' })).toContain(
      'SUCCESS',
    );
  });
});

it('every metric that a panel, a variable or a rule names is one that a gate exports', async () => {
  const gate = await startTestApp();
  onTestFinished(() => gate.stop());
  const texts = await Promise.all(
    ['/metrics', '/websocket/metrics'].map(async (path) => (await gate.get(path)).text()),
  );
  const exported = new Set(PROMETHEUS_OWN);
  for (const [, name = '', type] of texts.join('\n').matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) exported.add(`${name}_${part}`);
    else exported.add(name);
  }
  const expressions = [
    ...alerts.map(({ expr }) => expr),
    ...dashboards.flatMap(({ charts }) => charts.flatMap(({ targets }) => targets.map(({ expr }) => expr))),
    ...dashboards.flatMap(({ templating }) =>
      templating.list.flatMap((variable) =>
        variable.type === 'query' ? [variable.definition.replace(/^label_values\((\w+), \w+\)$/, '$1')] : [],
      ),
    ),
  ];
  const named = expressions.flatMap((expression) => {
    const names = metricsIn(asSent(expression));
    expect(names, expression).not.toEqual([]);
    return names;
  });
  expect([...new Set(named)].filter((name) => !exported.has(name))).toEqual([]);
});
