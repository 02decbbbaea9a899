/**
 * The lab's own clock. A day of the world lasts `dayLength` ms of real time, so six weeks fit into minutes. Day 0 begins at
 * the epoch that POST /start names; until then it is day 0 for ever and no event of the scenario happens.
 */
const HOURS_PER_DAY = 24;

/** An instant as providers see it: `hours` of plan time on a scale that never jumps, and the number of the world's day. */
export interface PlanInstant {
  readonly hours: number;
  readonly day: number;
}

export class LabClock {
  readonly dayLength: number;
  readonly #now: () => number;
  #epoch: number | null = null;

  /** `dayLength` in ms. `now` gives ms since 1970; tests pass their own. */
  constructor(options: { dayLength: number; now?: () => number }) {
    this.dayLength = options.dayLength;
    this.#now = options.now ?? Date.now;
  }

  /** ms since 1970, unscaled: what records carry. */
  now(): number {
    return this.#now();
  }

  /** When day 0 began or begins (ms since 1970); null until somebody says. */
  get epoch(): number | null {
    return this.#epoch;
  }

  /** Fixes day 0. A second call moves it. */
  start(epoch: number): void {
    this.#epoch = epoch;
  }

  /** Days since the epoch, with their fraction; 0 before it. */
  days(): number {
    return this.#epoch === null ? 0 : Math.max(0, (this.now() - this.#epoch) / this.dayLength);
  }

  /** Now, for somebody whose day begins `dayStartsAtHour` hours after the world's: his first day may be number -1. */
  instant(dayStartsAtHour = 0): PlanInstant {
    // Hours are counted from 1970, not from the epoch: rolling windows must survive the call of start().
    const hours = (this.now() / this.dayLength) * HOURS_PER_DAY;
    return { hours, day: Math.floor(this.days() - dayStartsAtHour / HOURS_PER_DAY) };
  }

  /** Real ms that so many plan hours last. */
  msOfHours(hours: number): number {
    return (hours * this.dayLength) / HOURS_PER_DAY;
  }
}
