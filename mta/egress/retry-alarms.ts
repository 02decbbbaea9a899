/** Timers of retries that are due soon; later ones are found by looking. */
import * as clock from '../clock.ts';

/** Retries due within this time get a timer. */
const ALARM_MS = 60_000;
/** Retries due within one such step share a timer: a hundred thousand deferrals must not be as many timers. */
const ALARM_STEP_MS = 50;

export class RetryAlarms {
  readonly #timers = new Map<number, NodeJS.Timeout>();
  readonly #ring: () => void;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at `at` (ms), if that is soon. */
  set(at: number): void {
    const step = Math.ceil(at / ALARM_STEP_MS);
    const ms = step * ALARM_STEP_MS - clock.now();
    if (ms > ALARM_MS || this.#timers.has(step)) return;
    const timer = setTimeout(
      () => {
        this.#timers.delete(step);
        this.#ring();
      },
      Math.max(1, ms),
    );
    timer.unref();
    this.#timers.set(step, timer);
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }
}
