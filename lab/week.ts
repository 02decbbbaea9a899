/**
 * Weekends. Day 0 of the world is some weekday; on a day of the weekend the application may send less, and people do only
 * a part of what they would do with their mail: the rest they do at the same hour of the next working day. So complaints
 * dip on Saturday and pile up on Monday. Pure.
 */
import { type WeekSpec, weekdayAfter } from './scenario-readers.ts';

/** Whether day number `day` of the world is in the weekend; without a week none is. */
export function isWeekend(week: WeekSpec | undefined, day: number): boolean {
  return week?.weekend.includes(weekdayAfter(week.firstDay, Math.max(0, Math.floor(day)))) ?? false;
}

/** Messages the application sends on a day of the world, of `usual` ones. */
export function messagesOn(week: WeekSpec | undefined, day: number, usual: number): number {
  return week && isWeekend(week, day) ? Math.round(usual * week.sending) : usual;
}

/**
 * When somebody really does what he would do at `days` (days of the world, with fraction). `draw` (0..1) decides whether
 * he is one of those who read their mail at the weekend.
 */
export function actsAt(week: WeekSpec | undefined, days: number, draw: number): number {
  if (!week || !isWeekend(week, days) || draw < week.reading) return days;
  let working = days + 1;
  while (isWeekend(week, working)) working += 1;
  return working;
}
