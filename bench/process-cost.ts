/** What a process has cost so far, as Linux counts it. */

import { readFileSync } from 'node:fs';

/** Linux counts CPU time for user space in hundredths of a second on every architecture. */
const TICK_MS = 10;

/** User and system time of all of its threads. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program, in brackets, may hold anything; the 14th and 15th fields are the times.
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13);
  return (Number(user) + Number(system)) * TICK_MS;
}

/** What is resident in memory now. */
export function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) * 1024;
}

/** What all processes together have taken of all processors, but for those that run at leave of the others (`nice`). */
export function machineBusyMs(): number {
  // user nice system idle iowait irq softirq steal …
  const [user = 0, , system = 0, , , irq = 0, softirq = 0] = (
    /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? ''
  )
    .split(' ')
    .map(Number);
  return (user + system + irq + softirq) * TICK_MS;
}
