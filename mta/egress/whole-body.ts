/**
 * A message of the usual size on its way out: one piece, final dot and all, in one write. Streams would make two writes of
 * it (the dot by itself, a packet of its own) and cost as much as everything else that is done for it on the way out.
 * Larger messages, and those with lines that begin with a dot, are streamed (held-body.ts).
 */

/** Up to here a message is copied into one piece: what a socket takes before it asks for patience. */
const LARGEST = 65_536;
const LF = 10;
const CR = 13;
const DOT = 46;

export class WholeBody {
  readonly #head: Buffer;
  readonly #raw: Buffer;
  readonly #mayFinish: () => boolean;
  /** The remote answered DATA: RCPT was taken. */
  begun = false;
  /** The final dot was let go: from here on the remote may have taken the message. */
  released = false;
  /** The final dot was refused; the remote can not have taken the message. */
  cut = false;

  constructor(head: Buffer, raw: Buffer, mayFinish: () => boolean) {
    this.#head = head;
    this.#raw = raw;
    this.#mayFinish = mayFinish;
  }

  /** What follows 354, to the final dot; null: this sender does not own the message any more. Asked once. */
  take(): Buffer | null {
    this.begun = true;
    if (!this.#mayFinish()) {
      this.cut = true;
      return null;
    }
    this.released = true;
    const ended = this.#raw.length > 0 && this.#raw[this.#raw.length - 1] === LF;
    return Buffer.concat([this.#head, this.#raw, ended ? ENDED : NOT_ENDED]);
  }
}

const ENDED = Buffer.from('.\r\n');
const NOT_ENDED = Buffer.from('\r\n.\r\n');

/**
 * May these bytes be written as they are: small, every line end CRLF, no line that begins with a dot (RFC 5321 §4.5.2)? Asked
 * of every message although injection takes no other line ends: a bare one would end the message early for some servers.
 */
export function goesAsItIs(raw: Buffer): boolean {
  if (raw.length > LARGEST || raw[0] === DOT) return false;
  for (let at = raw.indexOf(LF); at !== -1; at = raw.indexOf(LF, at + 1)) {
    if (at === 0 || raw[at - 1] !== CR || raw[at + 1] === DOT) return false;
  }
  for (let at = raw.indexOf(CR); at !== -1; at = raw.indexOf(CR, at + 1)) if (raw[at + 1] !== LF) return false;
  return true;
}
