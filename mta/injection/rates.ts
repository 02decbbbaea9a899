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
  /** ms of our clock at which the hour of the block ends. */
  readonly ends: number;
  /** The same by the store's clock: what tells one hour from another. */
  readonly until: number;
}

export class Rates {
  readonly #take: TakeRate;
  readonly #now: () => number;
  readonly #held = new Map<string, Held>();
  readonly #asking = new Map<string, Promise<RateBlock>>();

  /** `now`: ms of a clock that never goes back; the store says how long an hour still lasts, so clocks need not agree. */
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
    for (;;) {
      const held = this.#live(name);
      if (held !== undefined && held.left >= recipients) {
        held.left -= recipients;
        return;
      }
      const asking = this.#asking.get(name);
      // One at a time: each block that many ask for at once would hold back what the others need.
      if (asking !== undefined) await asking.catch(() => {});
      else {
        const block = await this.#ask(name, rate, recipients - (held?.left ?? 0));
        if (block.granted === 0) throw this.#over(caller, block);
      }
    }
  }

  /** Gives back what was taken for a message that was not accepted after all. */
  giveBack(caller: Caller, recipients: number): void {
    const held = caller.rate === null ? undefined : this.#live(caller.name);
    if (held !== undefined) held.left += recipients;
  }

  async #ask(name: string, rate: number, want: number): Promise<RateBlock> {
    const asking = this.#take(name, rate, want);
    this.#asking.set(name, asking);
    try {
      const block = await asking;
      this.#add(name, block);
      return block;
    } finally {
      this.#asking.delete(name);
    }
  }

  #add(name: string, { granted, until, lasts }: RateBlock): void {
    const held = this.#live(name);
    // A block of another hour replaces what is left of the old one.
    if (held !== undefined && held.until === until.getTime()) held.left += granted;
    else if (granted > 0) {
      this.#held.set(name, { left: granted, ends: this.#now() + lasts, until: until.getTime() });
    }
  }

  #over({ name, rate }: Caller, { until, lasts }: RateBlock): RefusedMessage {
    return new RefusedMessage(
      450,
      `4.7.0 User ${name} has sent to ${rate} recipients this hour: try again after ${until.toISOString()}`,
      Math.max(1, Math.ceil(lasts / 1000)),
    );
  }

  #live(name: string): Held | undefined {
    const held = this.#held.get(name);
    return held !== undefined && held.ends > this.#now() ? held : undefined;
  }
}
