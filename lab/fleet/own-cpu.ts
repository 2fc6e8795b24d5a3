/** The processor time that this process and all its descendants have used, those that have ended included. */

import { readFileSync } from 'node:fs';

/** Of `/proc/PID/stat`: USER_HZ, the same on every Linux. */
export const MS_PER_TICK = 10;
/** Its fields after the program's name. */
const TIMES = { from: 11, to: 15 };

/** Undefined where the system does not tell. */
export function ownCpuMs(): number | undefined {
  try {
    return cpuMsOf(String(process.pid));
  } catch {
    return undefined; // no Linux, or one without `/proc/PID/task/PID/children`
  }
}

function cpuMsOf(pid: string): number {
  // Programs start children in their main thread, Node's own among them.
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  const theirsMs = children.map(cpuMsIfThere);
  return [...timesMsOf(pid), ...theirsMs].reduce((sum, ms) => sum + ms, 0);
}

/** A process's time in user mode and in the kernel, then the same of its children that it has waited for. */
export function timesMsOf(pid: string | number): number[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // after the program's name, which may hold anything
  return fields.slice(TIMES.from, TIMES.to).map((ticks) => Number(ticks) * MS_PER_TICK);
}

/** 0 for one that has just ended: its parent tells its time from then on. */
function cpuMsIfThere(pid: string): number {
  try {
    return cpuMsOf(pid);
  } catch {
    return 0;
  }
}
