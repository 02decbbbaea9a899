/**
 * The floor: what nobody can beat. The oracle knows the hour of the change, the lanes and metric it hits, both rates and
 * how much campaigns differ; it only has to be as sure as the others are (a false stop in so many ramps). It is Wald's
 * one-sided test of the two rates over the harmed lanes together, whose false stops are at most exp(-boundary) (Ville).
 */

import type { CalendarMail } from './calendar.ts';
import type { Cell } from './harms.ts';
import { COMPLAINT, FOLLOWS_CAMPAIGN, METRICS, MOOD_HOURS } from './metrics.ts';
import { harmedMetric, sentUntil } from './tune.ts';

/** Mail of the harmed lanes from the change to the oracle's stop. `falseStops`: share of ramps. */
export function oracleMail(mail: CalendarMail, cell: Cell, from: number, until: number, falseStops: number): number {
  const metric = harmedMetric(cell);
  const { fine, harmful } = ratesOf(cell);
  const { cv, campaignsPerDay, complaintDelayHours } = cell.world;
  const cohortHours = FOLLOWS_CAMPAIGN[METRICS[metric] ?? 'complaint'] ? 24 / campaignsPerDay : MOOD_HOURS;
  const left = metric === COMPLAINT ? Math.exp(-1 / complaintDelayHours) : 0;
  const boundary = Math.log(1 / falseStops);
  let [settled, k, e, waiting] = [0, 0, 0, 0];
  for (let hour = from; hour < until; hour++) {
    if (hour % cohortHours === 0 && metric !== COMPLAINT) {
      settled += ratio(k, e, fine, harmful, cv);
      [k, e] = [0, 0];
    }
    for (const lane of cell.harmed) {
      const sent = mail.sent[lane];
      const events = mail.events[metric * (mail.lanes + 1) + lane];
      waiting += (sent?.[hour + 1] ?? 0) - (sent?.[hour] ?? 0);
      k += (events?.[hour + 1] ?? 0) - (events?.[hour] ?? 0);
    }
    e += waiting * (1 - left);
    waiting *= left;
    // Complaints of several campaigns come mixed: they are taken as independent, which only makes the oracle bolder.
    if (settled + ratio(k, e, fine, harmful, metric === COMPLAINT ? 0 : cv) >= boundary)
      return cell.harmed.reduce((sum, lane) => sum + sentUntil(mail, lane, from, hour + 1, until), 0);
  }
  return cell.harmed.reduce((sum, lane) => sum + sentUntil(mail, lane, from, until, until), 0);
}

function ratesOf({ world }: Cell): { fine: number; harmful: number } {
  const event = world.events[0];
  if (event === undefined) throw new RangeError(`nothing happens in ${world.name}`);
  const fine = world.rates[event.metric];
  return { fine, harmful: event.rate ?? fine * (event.factor ?? 1) };
}

/** Log likelihood ratio of a cohort: Poisson, or negative-binomial where campaigns differ. */
function ratio(k: number, e: number, fine: number, harmful: number, cv: number): number {
  if (!(cv > 0)) return k * Math.log(harmful / fine) - e * (harmful - fine);
  const shape = 1 / (cv * cv);
  return k * Math.log(harmful / fine) - (k + shape) * Math.log((shape + harmful * e) / (shape + fine * e));
}
