/** How a value is written in the file. Each says what it expects in words, which is what a mistake in it says. */

import { z } from 'zod';
import {
  DURATION_MAX_MS,
  type DurationMs,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from './quantities.ts';

export function notation<T>(expected: string, parse: (text: string) => T | undefined, format: (value: T) => string) {
  // Zod encodes absent keys too, to drop what comes of them: the check keeps `format` from being asked to.
  const present = z.custom<T>((value) => value !== undefined);
  return z.codec(z.string(expected), present, {
    decode(text, { issues }) {
      const value = parse(text);
      if (value !== undefined) return value;
      issues.push({ code: 'custom', input: text, message: expected });
      return z.NEVER;
    },
    encode: format,
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
