/** What a process has cost so far, as Linux counts it. */

import { readFileSync } from 'node:fs';
import { MS_PER_TICK, timesMsOf } from '../lab/fleet/own-cpu.ts';

/** User and system time of all of its threads. */
export function cpuMs(pid: number): number {
  const [user = 0, system = 0] = timesMsOf(pid);
  return user + system;
}

/** What is resident in memory now. */
export function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) * 1024;
}

/** Processor time of all processes of the machine, without those of low priority (`nice`). */
export function machineBusyMs(): number {
  // user nice system idle iowait irq softirq steal …
  const line = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '';
  const [user = 0, , system = 0, , , irq = 0, softirq = 0] = line.split(' ').map(Number);
  return (user + system + irq + softirq) * MS_PER_TICK;
}
