/**
 * Hourly rates of users, counted in recipients: a message to a thousand people is a thousand messages. All processes
 * share a row in the store, from which each takes blocks (store/users.ts), so most messages ask nobody.
 */
import type { RateBlock } from '../../store/users.ts';
import type { Caller } from './caller.ts';
import { RefusedMessage } from './refusal.ts';

/** Takes at least `want` of a user's hour, or nothing. */
export type TakeRate = (name: string, rate: number, want: number) => Promise<RateBlock>;

interface Held {
  left: number;
  /** ms: end of the hour the block is of. */
  until: number;
}

export class Rates {
  readonly #take: TakeRate;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();

  /** `now`: ms since 1970, the store's clock to within the skew of two machines. */
  constructor(take: TakeRate, now: () => number) {
    this.#take = take;
    this.#now = now;
  }

  /** Counts recipients of a message about to be accepted. Throws 450 with when to try again, 550 when it never can be. */
  async take(caller: Caller, recipients: number): Promise<void> {
    const { name, rate } = caller;
    if (rate === null) return;
    if (recipients > rate)
      throw new RefusedMessage(
        550,
        `5.7.1 User ${name} may send to ${rate} recipients an hour: one message can not have ${recipients}`,
      );
    const held = this.#live(name);
    if (held !== undefined && held.left >= recipients) {
      held.left -= recipients;
      return;
    }
    const missing = recipients - (held?.left ?? 0);
    if (held !== undefined) held.left = 0;
    const block = await this.#take(name, rate, missing).catch((error: unknown) => {
      this.#add(name, recipients - missing, held?.until ?? 0);
      throw error;
    });
    const until = block.until.getTime();
    if (block.granted >= missing) return this.#add(name, block.granted - missing, until);
    this.#add(name, recipients - missing, held?.until ?? until);
    const seconds = Math.max(1, Math.ceil((until - this.#now()) / 1000));
    throw new RefusedMessage(
      450,
      `4.7.0 User ${name} has sent to ${rate} recipients this hour: try again after ${block.until.toISOString()}`,
      seconds,
    );
  }

  /** Gives back what was taken for a message that was not accepted after all. */
  giveBack(caller: Caller, recipients: number): void {
    const held = caller.rate === null ? undefined : this.#live(caller.name);
    if (held !== undefined) held.left += recipients;
  }

  #live(name: string): Held | undefined {
    const held = this.#held.get(name);
    return held !== undefined && held.until > this.#now() ? held : undefined;
  }

  #add(name: string, units: number, until: number): void {
    const held = this.#live(name);
    // Twins may have taken a block meanwhile; one of another hour replaces it.
    if (held !== undefined && held.until === until) held.left += units;
    else if (units > 0 || held === undefined) this.#held.set(name, { left: units, until });
  }
}
