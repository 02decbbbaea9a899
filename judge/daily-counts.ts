/** Messages and events of an address by day, as rules that look once a day see them. */
import { METRICS } from './metrics.ts';
import type { Hour } from './rule.ts';

export class DailyCounts {
  sent = 0;
  /** By metric; complaints are those that arrived today. */
  readonly events = new Float64Array(METRICS.length);

  add(hour: Hour): void {
    const lanes = hour.sent.length;
    if (hour.hour % 24 === 0) this.clear();
    for (const sent of hour.sent) this.sent += sent;
    for (let metric = 1; metric < METRICS.length; metric++)
      for (let lane = 0; lane < lanes; lane++)
        this.events[metric] = (this.events[metric] ?? 0) + (hour.events[metric * lanes + lane] ?? 0);
    for (const { count } of hour.reports) this.events[0] = (this.events[0] ?? 0) + count;
  }

  clear(): void {
    this.sent = 0;
    this.events.fill(0);
  }

  /** Events per message of the day. */
  rate(metric: (typeof METRICS)[number]): number {
    return this.sent === 0 ? 0 : (this.events[METRICS.indexOf(metric)] ?? 0) / this.sent;
  }

  copyTo(other: DailyCounts): void {
    other.sent = this.sent;
    other.events.set(this.events);
  }
}
