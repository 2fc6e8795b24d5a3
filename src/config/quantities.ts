/** Durations and sizes as people write them (`10s`, `64MiB`), and as the program counts them. */

/** Milliseconds. */
export type DurationMs = number;

const MS_PER_UNIT = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const BYTES_PER_UNIT = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 };

/** Node's timers fire at once beyond 2^31 ms, 24.8 days: a day is as far as any duration may reach. */
export const DURATION_MAX_MS: DurationMs = 24 * MS_PER_UNIT.h;

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
