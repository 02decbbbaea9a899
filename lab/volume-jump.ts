/**
 * Throttling by volume jump: an address that reaches many more recipients than the day before waits for tomorrow. Unlike
 * the allowance of a reputation it knows whole days only, the provider's, and keeps no memory beyond yesterday.
 */

export interface JumpLimit {
  /** Times yesterday's recipients. */
  readonly factor: number;
  /** Recipients a day that are never a jump from. */
  readonly floor: number;
}

interface Days {
  day: number;
  today: number;
  yesterday: number;
}

export class VolumeJump {
  readonly #limit: JumpLimit;
  readonly #sources = new Map<string, Days>();

  constructor(limit: JumpLimit) {
    this.#limit = limit;
  }

  /** Whether one more recipient would be a jump. `known`: recipients a day it was known for before it was first seen. */
  exceeds(ip: string, day: number, known: number): boolean {
    const { today, yesterday } = this.#days(ip, day, known);
    return today + 1 > this.#limit.factor * Math.max(yesterday, this.#limit.floor);
  }

  /** Counts a recipient that was reached. */
  count(ip: string, day: number, known: number): void {
    this.#days(ip, day, known).today += 1;
  }

  #days(ip: string, day: number, known: number): Days {
    const days = this.#sources.get(ip) ?? { day, today: 0, yesterday: known };
    this.#sources.set(ip, days);
    if (day > days.day) {
      days.yesterday = day === days.day + 1 ? days.today : 0;
      days.today = 0;
      days.day = day;
    }
    return days;
  }
}
