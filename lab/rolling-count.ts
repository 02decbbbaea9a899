/** A count over the last plan hour and the last 24, in hourly buckets. */
const BUCKETS = 25;

export class RollingCount {
  readonly #buckets = new Float64Array(BUCKETS);
  #hour = Number.NaN;

  /** Adds to the bucket of this hour. `hours` is plan time and must not run backwards by more than a day. */
  add(hours: number, amount = 1): void {
    this.#advance(hours);
    this.#buckets[Math.floor(hours) % BUCKETS] = this.#bucket(hours, 0) + amount;
  }

  /** The last 24 h; the oldest bucket counts in proportion to what of it still lies inside. */
  lastDay(hours: number): number {
    this.#advance(hours);
    const sum = this.#buckets.reduce((total, one) => total + one, 0);
    return sum - this.#bucket(hours, 24) * (hours - Math.floor(hours));
  }

  /** The last 60 minutes, with the same proportion. */
  lastHour(hours: number): number {
    this.#advance(hours);
    return this.#bucket(hours, 0) + this.#bucket(hours, 1) * (1 - (hours - Math.floor(hours)));
  }

  #bucket(hours: number, back: number): number {
    return this.#buckets[(Math.floor(hours) - back + BUCKETS) % BUCKETS] ?? 0;
  }

  #advance(hours: number): void {
    const hour = Math.floor(hours);
    if (Number.isNaN(this.#hour)) this.#hour = hour;
    const steps = Math.min(hour - this.#hour, BUCKETS);
    for (let step = 0; step < steps; step++) this.#buckets[(hour - step) % BUCKETS] = 0;
    if (hour > this.#hour) this.#hour = hour;
  }
}
