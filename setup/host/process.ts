import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** One living process. A pid alone is no identity: after a reboot or a busy day it belongs to somebody else. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot at which it started (field 22 of /proc/pid/stat, proc(5)). */
  readonly startTicks: string;
  /** Its command's name, at most 15 bytes. */
  readonly name: string;
}

/**
 * Who lives under `pid`, or undefined. A zombie counts as dead: in a container without an init nobody reaps orphans,
 * and `kill(pid, 0)` would call them alive for ever.
 */
export function identify(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may itself hold blanks and parentheses: split at the last one.
  const close = stat.lastIndexOf(')');
  const name = stat.slice(stat.indexOf('(') + 1, close);
  const fields = stat.slice(close + 2).split(' ');
  const state = fields[0];
  const startTicks = fields[19];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTicks, name };
}

/** Whether the very process that was identified earlier still lives. */
export function isAlive(process: Pick<ProcessIdentity, 'pid' | 'startTicks'>): boolean {
  return identify(process.pid)?.startTicks === process.startTicks;
}

/** Waits up to `waitMs` for a process (not necessarily our child) to end; says whether it did. */
export async function waitForEnd(process: Pick<ProcessIdentity, 'pid' | 'startTicks'>, waitMs: number) {
  const deadline = performance.now() + waitMs;
  while (isAlive(process)) {
    if (performance.now() > deadline) return false;
    await sleep(20);
  }
  return true;
}

/** Sends a signal and treats "already gone" as done. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
