/**
 * How far the outbox can be read without passing by a row that has yet to appear (store/event-outbox.ts says why that is
 * a question). One look at a time serves every sink of the process; it never goes back.
 */
import type { OutboxEnds, OutboxView } from '../store/event-outbox.ts';

export class SafeHorizon {
  #safe: OutboxEnds = { attempts: 0, log: 0 };
  #pending: { readonly view: OutboxView; readonly since: number } | undefined;

  /** Up to here every row that will ever be there is there. */
  get safe(): OutboxEnds {
    return this.#safe;
  }

  /** Since when (ms, the clock of `look`) the oldest look waits for writers to end; undefined: nobody is waited for. */
  get waitingSince(): number | undefined {
    return this.#pending?.since;
  }

  get waitingFor(): readonly string[] {
    return this.#pending?.view.writers ?? [];
  }

  /** Takes a new look into account. True: a look that waited has become safe, or this one is. */
  look(view: OutboxView, now: number): boolean {
    const before = this.#safe;
    const pending = this.#pending;
    if (pending !== undefined && !pending.view.writers.some((writer) => view.writers.includes(writer))) {
      this.#safe = pending.view.ends;
      this.#pending = undefined;
    }
    if (view.writers.length === 0) {
      this.#safe = view.ends;
      this.#pending = undefined;
    } else this.#pending ??= { view, since: now };
    return this.#safe !== before;
  }
}
