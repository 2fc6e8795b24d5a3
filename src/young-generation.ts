/**
 * V8's young generation grows with the load, by default to 48 MiB and more of which little is in use. Only a flag that Node
 * is started with bounds it. So a gate that was started without one takes its own place once (POSIX exec): same process
 * id, streams and signals.
 */

import { accessSync, constants } from 'node:fs';

/** In MiB, of one of its two halves. docs/performance.md has what other sizes cost. */
export const YOUNG_GENERATION_FLAG = '--max-semi-space-size=4';

/** V8 takes either kind of dash. */
const SAID = /--m(ax|in)[-_]semi[-_]space[-_]size/;

/** Returns if the flag is there, or whoever started this process has said another, or it cannot be: then, without it. */
export function boundYoungGeneration(process: NodeJS.Process): void {
  const { argv, connected, env, execArgv, execPath } = process;
  if (SAID.test([env.NODE_OPTIONS, ...execArgv].join(' '))) return;
  // Windows has no exec. A channel to a parent that forked this would be lost.
  if (!process.execve || connected) return;
  const warn = process.emitWarning;
  try {
    accessSync(execPath, constants.X_OK); // Node itself ends when there is nothing to execute
    process.emitWarning = () => {}; // that exec is experimental
    process.execve(execPath, [execPath, YOUNG_GENERATION_FLAG, ...execArgv, ...argv.slice(1)], env);
  } catch {
    process.emitWarning = warn; // not allowed (node --permission): it costs memory only
  }
}
