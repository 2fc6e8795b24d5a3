/** The gate's one logger: JSON for machines, or lines for people by pino's own pretty printer (pino-pretty). */

import type { Writable } from 'node:stream';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config/schema.ts';
import { escaped } from './harmless.ts';

/** `isTerminal`: whether people read `out`, for `log.format: auto`. */
export async function createLogger(
  { level, format, levels, timestamps }: Config['log'],
  out: Writable,
  isTerminal: boolean,
): Promise<Logger> {
  const base = { pid: process.pid };
  if (format === 'pretty' || (format === 'auto' && isTerminal)) {
    const pretty = await printer();
    return pino({ level, base }, { write: (line: string) => void out.write(pretty(line)) });
  }
  return pino({
    level,
    base,
    ...(levels === 'names' ? { formatters: { level: (label: string) => ({ level: label }) } } : {}),
    ...(timestamps === 'iso' ? { timestamp: stdTimeFunctions.isoTime } : {}),
  });
}

/** Loaded only here: it takes ten megabytes of memory, and most gates write to no terminal. */
async function printer(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const print = prettyFactory({ translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l', ignore: 'pid', singleLine: true });
  // It escapes control characters as JSON does. That leaves those beyond ASCII, and it colours with ESC itself.
  return (line) => escaped(print(line), /[\u0080-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu);
}
