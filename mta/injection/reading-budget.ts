/**
 * Memory for messages that are being read. Each is limited by its listener, their number by its clients; the product
 * of both is more than a process has, so their sum has its own bound.
 */
import { RefusedMessage } from './refusal.ts';

export class ReadingBudget {
  readonly #most: number;
  #used = 0;

  /** `most`: bytes. */
  constructor(most: number) {
    this.#most = most;
  }

  get used(): number {
    return this.#used;
  }

  /** Throws 452 when a message that announces `bytes` (0: it did not say) should not even begin. */
  check(bytes: number): void {
    if (this.#used + Math.max(1, bytes) > this.#most) throw this.#full();
  }

  /** A share that grows as one message arrives; `free` gives all of it back. */
  share(): { take(bytes: number): void; free(): void } {
    let taken = 0;
    return {
      take: (bytes) => {
        if (this.#used + bytes > this.#most) throw this.#full();
        this.#used += bytes;
        taken += bytes;
      },
      free: () => {
        this.#used -= taken;
        taken = 0;
      },
    };
  }

  #full(): RefusedMessage {
    const megabytes = Math.floor(this.#most / 1_000_000);
    return new RefusedMessage(
      452,
      `4.3.1 Messages of ${megabytes} MB are being read at once: try again in a moment`,
      5,
    );
  }
}
