/** How the commands of lab/, bench/ and scripts/ read their command lines, and end. */

import { writeFileSync } from 'node:fs';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';

/** A command line that makes no sense; the message says why. */
export class BadArguments extends Error {}

/** Ends the process with the exit code of `main`; with 2 for bad arguments, and 1 for another error. */
export async function command(
  usage: string,
  main: (args: string[]) => Promise<number>,
  told: (error: unknown) => unknown = (error) => error,
): Promise<void> {
  const args = process.argv.slice(2);
  try {
    process.exitCode = args.includes('--help') ? print(usage) : await main(args);
  } catch (error) {
    const isBad = error instanceof BadArguments;
    console.error(isBad ? `${error.message}\n\n${usage}` : told(error));
    process.exitCode = isBad ? 2 : 1;
  }
}

export function parse<const T extends ParseArgsOptionsConfig>(args: string[], options: T) {
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new BadArguments(error instanceof Error ? error.message : String(error));
  }
}

export function wholeNumber(option: string, text: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  const number = Number(text);
  if (text !== '' && Number.isInteger(number) && number >= least && number <= most) return number;
  const range = most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least}` : `a number from ${least} to ${most}`;
  throw new BadArguments(`${option}: ${range}, not ${text}`);
}

export function positive(option: string, text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new BadArguments(`${option}: a number greater than 0, not ${text}`);
}

/** The names in a list such as `check,envoy`; undefined without a list. */
export function namesIn(option: string, text: string | undefined, known: readonly string[]): string[] | undefined {
  const names = text?.split(',');
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new BadArguments(`${option}: ${known.join(', ')}; not ${unknown}`);
  return names;
}

/** Returns 0, the exit code of a command that has done what it was asked. */
export function print(text: string): 0 {
  console.log(text);
  return 0;
}

/** Tells `.ci/run` how many tests this command was. */
export function reportTests(counts: { passed: number; failed: number; skipped?: number; retries: number }): void {
  const { passed, failed, skipped = 0, retries } = counts;
  const file = process.env.WSGATE_TEST_REPORT;
  const report = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numRetries: retries };
  if (file) writeFileSync(file, JSON.stringify(report));
}
