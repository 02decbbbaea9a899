/**
 * The text of one message on its way in: what the parser writes, a reader hears at once. It stands in the place of the
 * library's PassThrough, which costs more for a message of a few KB than everything that is done with its bytes; what the
 * parser and the connection ask of a stream is here, and nothing else.
 */
import { EventEmitter } from 'node:events';

/** Emits `data`, then `end`; or `error` and `close` when the client went away in the middle. */
export class MessageText extends EventEmitter {
  byteLength = 0;
  /** It is larger than the listener takes. */
  sizeExceeded = false;
  writable = true;
  readable = true;
  destroyed = false;
  writableEnded = false;
  readableEnded = false;
  /** null: nobody reads yet, and what comes is held. */
  readableFlowing: true | null = null;
  readonly #held: Buffer[] = [];

  /** A listener for `data` is a reader, as with any stream. */
  override on(event: string, listener: (...args: never[]) => void): this {
    super.on(event, listener as (...args: unknown[]) => void);
    if (event === 'data') this.resume();
    return this;
  }

  resume(): this {
    if (this.readableFlowing) return this;
    this.readableFlowing = true;
    for (const chunk of this.#held.splice(0)) this.emit('data', chunk);
    if (this.writableEnded) this.#finish();
    else this.emit('drain');
    return this;
  }

  /** False: wait for `drain` (or `close`), nobody reads yet. */
  write(chunk: Buffer): boolean {
    if (this.readableFlowing) this.emit('data', chunk);
    else this.#held.push(chunk);
    return this.readableFlowing === true;
  }

  end(chunk?: Buffer): void {
    if (chunk !== undefined) this.write(chunk);
    this.writable = false;
    this.writableEnded = true;
    if (this.readableFlowing) this.#finish();
  }

  destroy(error?: Error): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writable = false;
    this.readable = false;
    this.#held.length = 0;
    if (error !== undefined) this.emit('error', error);
    this.emit('close');
  }

  /** Not within the parser's call: who hears of the end may hand the parser what comes next. */
  #finish(): void {
    queueMicrotask(() => {
      if (this.destroyed) return;
      this.readable = false;
      this.readableEnded = true;
      this.emit('end');
    });
  }
}
