/** The files of deploy/ that Prometheus and Grafana read, as far as the tests look into them. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

const root = new URL('../../', import.meta.url);
export const pathOf = (file: string): string => fileURLToPath(new URL(file, root));
export const textOf = (file: string): string => readFileSync(pathOf(file), 'utf8');

export function has(program: 'promtool' | 'prometheus'): boolean {
  const there = spawnSync(program, ['--version'], { timeout: 10_000 }).status === 0;
  if (!there) console.warn(`skipped: what needs the program ${program}, which is not there`);
  return there;
}

export const RULES = 'deploy/prometheus/wsgate.rules.yml';
const Alert = z.object({
  alert: z.string(),
  expr: z.string(),
  labels: z.strictObject({ severity: z.enum(['warning', 'critical']) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
});
const Rules = z.object({ groups: z.array(z.object({ rules: z.array(Alert) })) });
export const alerts = Rules.parse(parse(textOf(RULES))).groups.flatMap(({ rules }) => rules);

const Datasource = z.strictObject({ type: z.literal('prometheus'), uid: z.literal(`\${datasource}`) });
const GridPos = z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() });
const Row = z.object({ id: z.number(), title: z.string(), type: z.literal('row'), gridPos: GridPos });
const Panel = z.object({
  id: z.number(),
  title: z.string(),
  type: z.enum(['stat', 'bargauge', 'timeseries', 'heatmap', 'table']),
  gridPos: GridPos,
  description: z.string().min(1),
  datasource: Datasource,
  fieldConfig: z.object({ defaults: z.object({ unit: z.string().min(1) }) }),
  targets: z
    .array(z.object({ refId: z.string(), datasource: Datasource, expr: z.string(), legendFormat: z.string() }))
    .min(1),
});
const Variable = z.discriminatedUnion('type', [
  z.object({ name: z.string(), type: z.literal('datasource'), query: z.literal('prometheus') }),
  z.object({ name: z.string(), type: z.literal('query'), datasource: Datasource, definition: z.string() }),
]);
const Dashboard = z.object({
  uid: z.string(),
  title: z.string(),
  templating: z.object({ list: z.array(Variable) }),
  panels: z.array(z.union([Row, Panel])),
});

const FOLDER = 'deploy/grafana/';
export const dashboards = readdirSync(pathOf(FOLDER))
  .filter((name) => name.endsWith('.json'))
  .map((name) => {
    const { panels, ...rest } = Dashboard.parse(JSON.parse(textOf(FOLDER + name)));
    const charts = panels.filter((panel) => panel.type !== 'row');
    return { name, ...rest, panels, charts };
  });

/** A panel's expression as Grafana would send it: all of each variable, and a window. */
export function asSent(expression: string): string {
  return expression.replace(/\$__rate_interval/g, '1m').replace(/\$(pod|instance)\b/g, '.*');
}
