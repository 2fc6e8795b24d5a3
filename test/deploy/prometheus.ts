/** A real Prometheus on deploy/prometheus, which scrapes one gate every second. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { lendFolder } from '../../lab/fleet/folder.ts';
import { freePort, start, untilReady } from '../../lab/fleet/processes.ts';
import { pathOf, RULES, textOf } from './files.ts';

const Labels = z.record(z.string(), z.string());
const Vector = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ metric: Labels, value: z.tuple([z.number(), z.string()]) })) }),
});
const Metadata = z.object({
  status: z.literal('success'),
  data: z.record(z.string(), z.array(z.object({ type: z.string() }))),
});
const Values = z.object({ status: z.literal('success'), data: z.array(z.string()) });

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  /** What an expression says now. Rejects when Prometheus does not understand it. */
  query(expression: string): Promise<Series[]>;
  labelValues(metric: string, label: string): Promise<string[]>;
  /** The type that scrapes told of a family; absent for one that they did not name. */
  typeOf(family: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

/** `gate`: its HTTP address, `host:port`. */
export async function startPrometheus(gate: string): Promise<Prometheus> {
  const folder = lendFolder('prometheus');
  const file = join(folder.path, 'prometheus.yml');
  const config = textOf('deploy/prometheus/prometheus.yml')
    .replace('scrape_interval: 5s', 'scrape_interval: 1s\n  evaluation_interval: 1s')
    .replace(/^rule_files: .*$/m, `rule_files: [${JSON.stringify(pathOf(RULES))}]`)
    .replaceAll('"wsgate:7071"', JSON.stringify(gate));
  writeFileSync(file, config);
  const address = `127.0.0.1:${await freePort()}`;
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${join(folder.path, 'data')}`];
  const program = await start({
    name: 'prometheus',
    file: 'prometheus',
    args: [...args, `--web.listen-address=${address}`],
  });
  const ask = async (path: string, parameters: Record<string, string>) => {
    const url = `http://${address}/api/v1/${path}?${new URLSearchParams(parameters)}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${text}`);
    return JSON.parse(text) as unknown;
  };
  await untilReady(program, async () => (await fetch(`http://${address}/-/ready`).catch(() => undefined))?.ok === true);
  return {
    async query(expression) {
      const { data } = Vector.parse(await ask('query', { query: expression }));
      return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    labelValues: async (metric, label) => Values.parse(await ask(`label/${label}/values`, { 'match[]': metric })).data,
    async typeOf(family) {
      return Metadata.parse(await ask('metadata', { metric: family })).data[family]?.[0]?.type;
    },
    async stop() {
      await program.stop();
      folder.remove();
    },
  };
}
