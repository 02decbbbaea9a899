/**
 * The connections of a lane in this process, as places for messages. A part of them is kept for transactional mail, which
 * never waits behind a campaign (SEMANTICS §4): its own connections, and strict priority for all others.
 */
import { DEFAULTS } from '../../policy/defaults.ts';

export class LaneSlots {
  readonly #sender: { readonly freeSlots: number };
  /** Promised before the message was committed: the sender does not know of them yet. */
  #promised = 0;
  #sending = 0;
  #marketing = 0;

  constructor(sender: { readonly freeSlots: number }) {
    this.#sender = sender;
  }

  /** Places for one more message of this stream. A cold lane carries marketing only and keeps nothing back. */
  free(stream: string, cold: boolean): number {
    const free = this.#sender.freeSlots - this.#promised;
    if (cold || stream === 'transactional') return Math.max(0, free);
    const all = this.#sender.freeSlots + this.#sending;
    return Math.max(0, Math.min(free, all - keptFor(all) - this.#marketing));
  }

  promise(stream: string): void {
    this.#promised += 1;
    if (stream !== 'transactional') this.#marketing += 1;
  }

  /** The promise is not kept: its message was not committed. */
  release(stream: string): void {
    this.#promised -= 1;
    if (stream !== 'transactional') this.#marketing -= 1;
  }

  /** Runs a send in a place that was promised. */
  async keep(stream: string, send: () => Promise<void>): Promise<void> {
    this.#promised -= 1;
    this.#sending += 1;
    try {
      await send();
    } finally {
      this.#sending -= 1;
      if (stream !== 'transactional') this.#marketing -= 1;
    }
  }
}

/** Of so many connections, those that only transactional mail may use. The last one is for everybody. */
function keptFor(connections: number): number {
  return Math.min(connections - 1, Math.max(1, Math.floor(connections * DEFAULTS.transactionalHeadroom)));
}
