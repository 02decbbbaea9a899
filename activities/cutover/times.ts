/** When a cutover is looked at: four times a window, the first soon after the window's grants are in force. Pure. */
import { type Calendar, type Window, windowAt, windowOf } from '../../policy/calendar.ts';
import { jitterOf } from '../evaluation-times.ts';

/** Shares of a window. The first is after the addresses' last evaluations of the window before. */
const LOOKS = [0.02, 0.27, 0.52, 0.77];
const SPREAD = 0.01;
/** Looks closer together than this would only cost (compressed days), ms. */
const LEAST_MS = 250;

/** The next look after `now` (ms), spread over fronts by a stable jitter. */
export function nextLook(now: number, calendar: Calendar, front: string): number {
  const window = windowOf(now, calendar);
  const next = [...looksOf(window, front), ...looksOf(windowAt(window.index + 1, calendar), front)].find(
    (look) => look >= now + LEAST_MS,
  );
  return next ?? now + LEAST_MS;
}

function looksOf(window: Window, front: string): number[] {
  const length = window.end - window.start;
  return LOOKS.map((share) => window.start + length * (share + SPREAD * jitterOf(front)));
}
