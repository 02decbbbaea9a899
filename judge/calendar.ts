/**
 * Mail that goes out by the calendar, a stage a day, whatever happens: what rules of plain thresholds see until they stop.
 * Their mail does not depend on them before the stop, so one history serves hundreds of settings at once.
 */
import { METRICS } from './metrics.ts';
import type { Nature } from './nature.ts';
import type { Ceilings } from './ramp.ts';

/** Days a history may have: the plan and a horizon after its last harm. */
const MOST_DAYS = 64;

export class CalendarMail {
  readonly lanes: number;
  /** Mail up to and with hour h - 1 at [h], by series; series `lanes` is the whole address. Running sums. */
  readonly sent: Int32Array[];
  /** Events likewise, metric × series. */
  readonly events: Int32Array[];
  readonly #mail: Int32Array[];
  readonly #now: Int32Array;

  constructor(ceilings: Ceilings) {
    const hours = MOST_DAYS * 24;
    this.lanes = ceilings.length;
    const series = this.lanes + 1;
    const running = () => new Int32Array(hours + 1);
    this.sent = Array.from({ length: series }, running);
    this.events = Array.from({ length: METRICS.length * series }, running);
    this.#now = new Int32Array(this.lanes);
    this.#mail = ceilings.map((row) => mailByHour(row, hours));
    for (let hour = 0; hour < hours; hour++) {
      let all = 0;
      for (let lane = 0; lane < this.lanes; lane++) {
        const messages = this.#mail[lane]?.[hour] ?? 0;
        all += messages;
        add(this.sent[lane], hour, messages);
      }
      add(this.sent[this.lanes], hour, all);
    }
  }

  /** Plays the hours [from, to) of a nature; sums of later hours are then out of date. */
  play(nature: Nature, from: number, to: number): void {
    for (let hour = from; hour < to; hour++) {
      for (let lane = 0; lane < this.lanes; lane++) this.#now[lane] = this.#mail[lane]?.[hour] ?? 0;
      nature.hour(hour, this.#now);
      for (const { lane, count } of nature.reports) nature.events[lane] = (nature.events[lane] ?? 0) + count;
      for (let metric = 0; metric < METRICS.length; metric++) {
        const at = metric * (this.lanes + 1);
        let all = 0;
        for (let lane = 0; lane < this.lanes; lane++) {
          const count = nature.events[metric * this.lanes + lane] ?? 0;
          all += count;
          add(this.events[at + lane], hour, count);
        }
        add(this.events[at + this.lanes], hour, all);
      }
      nature.events.fill(0, 0, this.lanes);
    }
  }
}

function add(sums: Int32Array | undefined, hour: number, count: number): void {
  if (sums !== undefined) sums[hour + 1] = (sums[hour] ?? 0) + count;
}

function mailByHour(row: readonly number[], hours: number): Int32Array {
  return Int32Array.from({ length: hours }, (_, hour) => {
    const today = row[Math.min(row.length - 1, Math.floor(hour / 24))] ?? 0;
    const at = hour % 24;
    return Math.floor((today * (at + 1)) / 24) - Math.floor((today * at) / 24);
  });
}
