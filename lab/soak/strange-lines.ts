/** Finds lines in a gate's output that never should be there: Node's warnings, a crash, a broken invariant. */

import type { Gate } from '../fleet/gate.ts';

/** Lines of Node's inspector. */
const INSPECTOR = /^(Debugger (listening|attached|ending)|For help, see: https:\/\/nodejs\.org\/)/;
const EACH_MAX = 5;

export function strangeLines(gates: readonly Gate[]): string[] {
  return gates.flatMap((gate) => {
    const strange = gate.lines().filter((line) => !INSPECTOR.test(line) && (!isLog(line) || tellsOfBug(line)));
    return strange.slice(0, EACH_MAX).map((line) => `a gate wrote: ${line}`);
  });
}

function isLog(line: string): boolean {
  return line.startsWith('{') || line === '';
}

/** Fatal, or the log's word for a broken invariant. */
function tellsOfBug(line: string): boolean {
  return line.includes('"level":60') || line.includes('this cannot be');
}
