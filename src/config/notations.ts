/**
 * How values are written in the file (`10s`, `64MiB`), and what the program has instead. Each says in words what it
 * expects; a mistake in it says the same.
 */

import { z } from 'zod';

/** Milliseconds. */
export type DurationMs = number;

const MS_PER_UNIT = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const BYTES_PER_UNIT = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 };

/** Node's timers fire at once beyond 2^31 ms, 24.8 days: a day is as far as any duration may reach. */
const DURATION_MAX_MS: DurationMs = 24 * MS_PER_UNIT.h;

export function notation<T>(expected: string, parse: (text: string) => T | undefined, format: (value: T) => string) {
  // Zod encodes absent keys too, and drops what comes of them because of this check; in what has a rule, it goes on after it.
  const present = z.custom<T>((value) => value !== undefined);
  return z.codec(z.string(expected), present, {
    decode(text, { issues }) {
      const value = parse(text);
      if (value !== undefined) return value;
      issues.push({ code: 'custom', input: text, message: expected });
      return z.NEVER;
    },
    encode: (value: T | undefined) => (value === undefined ? '' : format(value)),
  });
}

export function duration({ minMs = 1, maxMs = DURATION_MAX_MS, stepMs = 1 } = {}) {
  const what = stepMs === 1 ? 'a duration' : `a duration in steps of ${formatDuration(stepMs)}`;
  const expected = `${what}, from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, such as 250ms, 10s, 5m or 1h`;
  const parse = (text: string): DurationMs | undefined => {
    const ms = parseDuration(text);
    return ms === undefined || ms < minMs || ms > maxMs || ms % stepMs !== 0 ? undefined : ms;
  };
  return notation<DurationMs>(expected, parse, formatDuration);
}

export function size(min: number, max: number) {
  const parse = (text: string): number | undefined => {
    const bytes = parseSize(text);
    return bytes === undefined || bytes < min || bytes > max ? undefined : bytes;
  };
  return notation(`a size from ${formatSize(min)} to ${formatSize(max)}, such as 512KiB or 64MiB`, parse, formatSize);
}

export function whole(min: number, max: number) {
  const expected = `a whole number from ${min} to ${max}`;
  return z.int(expected).min(min, expected).max(max, expected);
}

export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, `one of: ${words.join(', ')}`);
}

export function text(expected: string, pattern: RegExp) {
  return z.string(expected).regex(pattern, expected);
}

/** Of the one that reads it: relative to the folder in which the gate was started. */
export const filePath = text('the path of a file', /^./s);

export function flag(byDefault: boolean) {
  return z.boolean('true or false').prefault(byDefault);
}

export function parseDuration(text: string): DurationMs | undefined {
  return parse(text, MS_PER_UNIT);
}

export function formatDuration(ms: DurationMs): string {
  return format(ms, MS_PER_UNIT);
}

export function parseSize(text: string): number | undefined {
  return parse(text, BYTES_PER_UNIT);
}

export function formatSize(bytes: number): string {
  return format(bytes, BYTES_PER_UNIT);
}

function parse(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits = '', name = ''] = /^(\d{1,12})([A-Za-z]+)$/.exec(text) ?? [];
  if (!Object.hasOwn(units, name)) return undefined;
  const amount = Number(digits) * (units[name] ?? Number.NaN);
  return Number.isSafeInteger(amount) ? amount : undefined;
}

/** In the largest unit that leaves no remainder; `units` is in falling order. */
function format(amount: number, units: Readonly<Record<string, number>>): string {
  const [name, factor] = Object.entries(units).find(([, factor]) => amount >= factor && amount % factor === 0) ?? [
    Object.keys(units).at(-1),
    1,
  ];
  return `${amount / factor}${name}`;
}
