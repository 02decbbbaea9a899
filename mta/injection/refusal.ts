/**
 * A refusal as SMTP says it: a reply code, and a text that begins with its enhanced status code (RFC 3463). HTTP
 * answers are made from the same (http/answer.ts), so that both doors say the same about the same fault.
 */
export class RefusedMessage extends Error {
  readonly code = 'refused-message';
  readonly reply: number;
  /** Seconds after which trying again makes sense; only where that is known. */
  readonly retryAfter: number | undefined;

  constructor(reply: number, message: string, retryAfter?: number) {
    super(message);
    this.name = 'RefusedMessage';
    this.reply = reply;
    this.retryAfter = retryAfter;
  }

  /** What smtp-server answers with. */
  get responseCode(): number {
    return this.reply;
  }
}
