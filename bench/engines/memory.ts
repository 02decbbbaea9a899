/** Resident memory of a process, from /proc. */
import { readFileSync } from 'node:fs';

/** The largest VmHWM (peak resident set) of these processes, MB. */
export function peakMegabytes(pids: readonly (number | undefined)[]): number {
  const peaks = pids.map((pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  });
  return Math.round(Math.max(0, ...peaks));
}
