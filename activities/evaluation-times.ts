/** When an address is evaluated: twice a window, spread over addresses by a stable jitter. Pure. */
import { createHash } from 'node:crypto';
import { type Calendar, type Window, windowAt, windowOf } from '../policy/calendar.ts';

const HOUR = 3_600_000;

export interface EvaluationTimes {
  /** A mid-window look: may lower, never raises. */
  readonly middle: number;
  /** The window's last evaluation, early enough to write the next grant before the window ends. */
  readonly final: number;
}

/** Share of a spread in [0, 1) that is stable for an address. */
export function jitterOf(address: string): number {
  return createHash('sha256').update(address).digest().readUInt32BE(0) / 2 ** 32;
}

export function evaluationTimes(window: Window, address: string): EvaluationTimes {
  const length = window.end - window.start;
  const lead = Math.min(HOUR, length * 0.12) + Math.min(HOUR / 2, length * 0.05) * jitterOf(address);
  return { middle: window.start + length * 0.45, final: window.end - lead };
}

/** The next instant to evaluate after `now`, which was itself an evaluation. */
export function nextEvaluation(now: number, calendar: Calendar, address: string): number {
  const window = windowOf(now, calendar);
  const { middle, final } = evaluationTimes(window, address);
  if (now < middle) return middle;
  if (now < final) return final;
  return evaluationTimes(windowAt(window.index + 1, calendar), address).middle;
}
