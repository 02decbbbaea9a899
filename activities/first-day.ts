import { type Calendar, sendingHoursLeft, type Window } from '../policy/calendar.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import { prorate, type Stage } from '../policy/plan.ts';

/** Is what a window still has at an instant (ms) too little of a day to judge a stage by? */
export function isPartDay(instant: number, window: Window, calendar: Calendar): boolean {
  const { left, whole } = hours(instant, window, calendar);
  return left < Math.min(DEFAULTS.fullDayHours, whole);
}

/** What a stage grants in the rest of a window. */
export function restOfDay(stage: Stage, instant: number, window: Window, calendar: Calendar): number {
  const { left, whole } = hours(instant, window, calendar);
  return left === 0 ? 0 : prorate(stage, left, whole);
}

function hours(instant: number, window: Window, calendar: Calendar): { left: number; whole: number } {
  return {
    left: sendingHoursLeft(instant, window, calendar),
    whole: sendingHoursLeft(window.sendFrom, window, calendar),
  };
}
