/**
 * CPU time of process trees, from /proc. On a machine that others use too, a rate says who got the processor; CPU time a
 * message says what a message costs.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second (USER_HZ: 100 on every Linux of these processors). */
const TICKS = 100;

interface Usage {
  readonly parent: number;
  readonly ticks: number;
}

/** Seconds of CPU that these processes, their living descendants and their ended children have used. */
export function cpuSeconds(roots: readonly (number | undefined)[]): number {
  const all = new Map<number, Usage>();
  for (const name of readdirSync('/proc')) {
    const usage = /^\d+$/.test(name) ? usageOf(Number(name)) : undefined;
    if (usage !== undefined) all.set(Number(name), usage);
  }
  const within = (pid: number): boolean => {
    if (roots.includes(pid)) return true;
    const parent = all.get(pid)?.parent;
    return parent !== undefined && parent > 1 && within(parent);
  };
  let ticks = 0;
  for (const [pid, usage] of all) if (within(pid)) ticks += usage.ticks;
  return ticks / TICKS;
}

/** Seconds of CPU of this process's children that have ended. */
export function endedChildrenSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / TICKS;
}

function usageOf(pid: number): Usage | undefined {
  try {
    // The name in brackets may hold anything: fields are counted after it (proc_pid_stat(5)).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    // It ended while we looked.
    return undefined;
  }
}
