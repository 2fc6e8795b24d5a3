/** What commands share that ask a running gate: where it is, the token, and how its answers are printed. */

import { Api, ApiError } from '../client/api.ts';
import { harmless } from '../harmless.ts';
import { explain } from '../system-error.ts';
import { Exit, type Host, misused } from './command.ts';

const DEFAULT_URL = 'http://127.0.0.1:7071';
const EXIT_REFUSED = 1;

/** The options of each of them. */
export const gateOptions = {
  url: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

export class Gate {
  readonly #host: Host;
  readonly #url: string;
  readonly #api: Api;
  readonly #json: boolean;

  constructor({ url, json }: { readonly url?: string | undefined; readonly json: boolean }, host: Host) {
    this.#host = host;
    this.#json = json;
    this.#url = url ?? host.env.WSGATE_URL ?? DEFAULT_URL;
    const parsed = URL.parse(this.#url.replace(/\/*$/, '/'));
    if (!parsed || !/^https?:$/.test(parsed.protocol)) {
      throw misused(`${url === undefined ? 'WSGATE_URL' : '--url'} ${this.#url}: expected http://… or https://…`);
    }
    this.#api = new Api({ url: parsed, token: host.env.WSGATE_TOKEN || undefined });
  }

  /** Ends the command where the gate refuses, or does not answer. */
  async ask<T>(call: (api: Api) => Promise<T>): Promise<T> {
    try {
      return await call(this.#api);
    } catch (error) {
      if (error instanceof Exit) throw error;
      const why = error instanceof ApiError ? refusal(error, this.#host) : explain((error as Error).cause ?? error);
      throw new Exit(EXIT_REFUSED, `wsgate: ${this.#url}: ${why}\n`);
    }
  }

  /** What has been decided may be about a name that is misspelled. */
  warn(pod: string, { unknown }: { readonly unknown?: true }): void {
    if (!unknown) return;
    const why = 'it had no connection within the last hour, and the configuration does not name it';
    this.#host.err.write(`wsgate: no gate knows a pod ${harmless(pod)}: ${why}\n`);
  }

  /** The answer as it came for programs, or the lines for people. */
  print(answer: object | undefined, ...lines: readonly string[]): void {
    const text = this.#json ? JSON.stringify(answer ?? {}) : lines.map(harmless).join('\n');
    if (text !== '') this.#host.out.write(`${text}\n`);
  }
}

function refusal({ status, message }: ApiError, { env }: Host): string {
  if (status !== 401) return message;
  return `${message}; WSGATE_TOKEN is ${env.WSGATE_TOKEN ? 'not one of them' : 'not set'}`;
}

/** The pod that a command wants as its argument. */
export function podIn(rest: readonly string[], command: string): string {
  const [pod] = rest;
  if (pod === undefined) throw misused(`${command} wants a pod`);
  return pod;
}

/** A whole number in an option; undefined where it is not given. */
export function numberIn(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw misused(`${option} ${text}: expected a whole number`);
  return Number(text);
}

/** Those that have a value. */
export function given<T extends object>(values: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(present) as { [Key in keyof T]: Exclude<T[Key], undefined> };
}

const GAP = '  ';

/** Columns under their heads; what is only digits stands to the right. */
export function table(heads: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const texts = [heads, ...rows].map((row) => row.map((cell) => harmless(String(cell))));
  const widths = heads.map((_, i) => Math.max(...texts.map((row) => row[i]?.length ?? 0)));
  const isNumber = heads.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join(GAP);
  return texts.map((row) => line(row).trimEnd());
}
