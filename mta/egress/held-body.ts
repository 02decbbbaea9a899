/**
 * A message on its way out that asks before it ends. The library writes the final dot when this stream ends, so the end
 * is held until everything before it was taken, and given only to a sender that still owns the message.
 */
import { Readable } from 'node:stream';

const PIECE = 16_384;

export class HeldBody extends Readable {
  readonly #head: Buffer;
  readonly #raw: Buffer;
  readonly #mayFinish: () => boolean;
  #at = -1;
  /** The remote answered DATA: RCPT was taken. */
  begun = false;
  /** The final dot was let go: from here on the remote may have taken the message. */
  released = false;
  /** The final dot was refused; the remote can not have taken the message. */
  cut = false;

  /** `head` goes before `raw`: what is added for this recipient, without a copy of a large message. */
  constructor(head: Buffer, raw: Buffer, mayFinish: () => boolean) {
    // Nothing is read ahead: the question is asked when the reader has taken the last piece, not one piece early.
    super({ highWaterMark: 0 });
    this.#head = head;
    this.#raw = raw;
    this.#mayFinish = mayFinish;
  }

  override _read(): void {
    this.begun = true;
    if (this.#at < 0) {
      // One piece with what follows it: a message of the usual size is one write.
      this.push(Buffer.concat([this.#head, this.#raw.subarray(0, PIECE)]));
      this.#at = PIECE;
    } else if (this.#at < this.#raw.length) {
      this.push(this.#raw.subarray(this.#at, this.#at + PIECE));
      this.#at += PIECE;
    } else if (this.#mayFinish()) {
      this.released = true;
      this.push(null);
    } else {
      this.cut = true;
      this.destroy(new Error('the message was not finished'));
    }
  }
}
