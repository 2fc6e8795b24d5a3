/** `wsgate doctor`: what of an Envoy's configuration keeps wsgate from its promises, and what a gate has seen of its Envoys. */

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { Api, ApiError } from '../client/api.ts';
import { examine } from '../doctor/doctor.ts';
import { type EnvoyView, viewOf } from '../doctor/envoy-view.ts';
import { COSTS, type Finding } from '../doctor/finding.ts';
import { type Json, text } from '../doctor/json.ts';
import { explain } from '../system-error.ts';
import { readConfig } from './check-config.ts';
import { command, Exit, type Host, misused } from './command.ts';

const EXIT_FOUND = 2;
const ENVOYS_MAX = 100;
const ANSWER_MS_MAX = 10_000;

export const doctor = command(
  {
    usage: `  wsgate doctor [ENVOY…] [--url URL] [--config FILE] [--cluster NAME]… [--json]
                                 what of Envoys’ configuration keeps wsgate from its promises, the worst first, each with
                                 the line to write. ENVOY: the admin port (http://127.0.0.1:9901), or a file with its
                                 /config_dump or with the configuration it starts on. --url: a gate, which says what it
                                 has seen of its Envoys. --config: the gate’s file, if it is not the default.
                                 --cluster: Envoy’s clusters of gates, if none has wsgate in its name.
                                 Ends with 2 when something is found`,
    options: {
      url: { type: 'string' },
      config: { type: 'string' },
      cluster: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
    argumentsMax: ENVOYS_MAX,
  },
  async ({ url, config, cluster, json }, sources, { env, out }) => {
    if (sources.length === 0 && url === undefined) throw misused('doctor wants an Envoy, or a gate with --url');
    const gate = readConfig(config, env);
    const envoys = await Promise.all(sources.map(readEnvoy));
    const findings = examine(envoys, gate, cluster);
    const seen = url === undefined ? undefined : await seenByGate(url, env);
    out.write(
      json ? `${JSON.stringify({ findings, ...(seen ? { gate: seen } : {}) })}\n` : report(envoys, findings, seen),
    );
    const serious = findings.some(({ cost }) => cost !== 'advice');
    return serious || (seen && Object.keys(seen).length > 0) ? EXIT_FOUND : 0;
  },
);

async function readEnvoy(source: string): Promise<EnvoyView> {
  const isUrl = /^https?:\/\//.test(source);
  const [found, server] = isUrl
    ? await Promise.all([fetched(source, 'config_dump'), fetched(source, 'server_info')])
    : [readFile(source), undefined];
  const view = viewOf(source, found, text(server, 'command_line_options', 'service_node'));
  if (view) return view;
  throw new Exit(
    1,
    `wsgate: ${source} is neither a /config_dump of Envoy nor a configuration that it starts on (static_resources)\n`,
  );
}

async function fetched(admin: string, path: string): Promise<Json> {
  const base = new URL(admin);
  base.pathname = `${base.pathname.replace(/\/(config_dump)?\/*$/, '')}/${path}`;
  try {
    const answer = await fetch(base, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    if (answer.ok) return await answer.json();
    throw new Error(`it answers ${answer.status}`);
  } catch (error) {
    throw new Exit(1, `wsgate: ${base.href}: ${explain(error instanceof Error ? (error.cause ?? error) : error)}\n`);
  }
}

/** JSON is YAML, too. */
function readFile(file: string): Json {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Exit(1, `wsgate: cannot read ${file}: ${explain(error)}\n`);
  }
}

/** What a gate's readiness says when nothing is wrong. */
const WELL: ReadonlySet<string> = new Set(['ok', 'decided by the store']);

/** What a gate's readiness says, where something is wrong. */
async function seenByGate(url: string, env: Host['env']): Promise<Record<string, string>> {
  const api = new Api({ url: withSlash(url), token: env.WSGATE_TOKEN });
  try {
    const { checks } = await api.readiness();
    return Object.fromEntries(Object.entries(checks).filter(([, says]) => !WELL.has(says)));
  } catch (error) {
    const why =
      error instanceof ApiError ? error.message : explain(error instanceof Error ? (error.cause ?? error) : error);
    throw new Exit(1, `wsgate: ${url}: ${why}\n`);
  }
}

function withSlash(url: string): URL {
  if (!URL.canParse(url)) throw misused(`--url ${url} is no URL`);
  return new URL(url.replace(/\/*$/, '/'));
}

function report(
  envoys: readonly EnvoyView[],
  findings: readonly Finding[],
  seen: Record<string, string> | undefined,
): string {
  const lines: string[] = [];
  let cost: Finding['cost'] | undefined;
  for (const finding of findings) {
    if (finding.cost !== cost) lines.push(`${cost ? '\n' : ''}${COSTS[finding.cost]}`);
    cost = finding.cost;
    lines.push(`  ${finding.where}: ${finding.says}`, `      write: ${finding.line}`);
  }
  if (envoys.length > 0 && findings.length === 0) lines.push('Envoy: nothing found');
  if (seen && lines.length > 0) lines.push('');
  for (const [part, says] of Object.entries(seen ?? {})) lines.push(`the gate says of ${part}: ${says}`);
  if (seen && Object.keys(seen).length === 0) lines.push('the gate: nothing found');
  return `${lines.join('\n')}\n`;
}
