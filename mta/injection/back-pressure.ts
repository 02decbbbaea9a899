/**
 * Whether new mail may be taken in. Above a mark the answer is a 4xx with the reason: a client that tries again later is
 * the buffer, not this machine. Looked at once a second; a mark that was crossed is lifted a little below it, so that
 * mail does not come and go by the second.
 */
import { statfs } from 'node:fs/promises';
import type { Store } from '../../store/connect.ts';
import { dataDirectory, queuedEstimate } from '../../store/queue-size.ts';

export interface Marks {
  /** Most recipients waiting in the queue. */
  readonly maxQueued: number;
  /** Least free bytes on the disk of the database, where it is on this machine. */
  readonly minFreeBytes: number;
  /** A database that takes longer (ms) to answer a question that takes a millisecond is not given more to do. */
  readonly slowMs: number;
}

export const MARKS: Marks = { maxQueued: 5_000_000, minFreeBytes: 1_000_000_000, slowMs: 2_000 };

/** Lifted below this part of the mark. */
const LIFT = 0.95;

export interface BackPressureParts {
  readonly store: Store;
  readonly marks: Marks;
  /** Free bytes of the disk a folder is on; rejects where it can not be known. */
  readonly freeBytes?: (folder: string) => Promise<number>;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

export class BackPressure {
  readonly #parts: BackPressureParts;
  #reason: string | null = null;
  #askedAt: number | undefined;
  #folder: string | null | undefined;

  constructor(parts: BackPressureParts) {
    this.#parts = parts;
  }

  /** Why no mail is taken in now, or null. Cheap: asked for every message. */
  accepting(): string | null {
    const { slowMs } = this.#parts.marks;
    const waits = this.#askedAt === undefined ? 0 : performance.now() - this.#askedAt;
    if (waits > slowMs) return `the database has not answered for ${Math.round(waits)} ms`;
    return this.#reason;
  }

  /** One look; call it once a second. Never rejects. */
  async look(): Promise<void> {
    if (this.#askedAt !== undefined) return;
    const began = performance.now();
    this.#askedAt = began;
    let reason: string | null;
    try {
      const queued = await queuedEstimate(this.#parts.store);
      const took = performance.now() - began;
      reason = this.#queueFull(queued) ?? this.#slow(took) ?? (await this.#diskFull());
    } catch (error) {
      reason = `the database can not be asked: ${(error as Error).message}`;
    }
    this.#askedAt = undefined;
    if (reason !== null && this.#reason === null) this.#parts.log('mail-refused', { reason });
    if (reason === null && this.#reason !== null) this.#parts.log('mail-accepted-again', { after: this.#reason });
    this.#reason = reason;
  }

  #queueFull(queued: number): string | null {
    const { maxQueued } = this.#parts.marks;
    const mark = this.#reason === null ? maxQueued : maxQueued * LIFT;
    return queued >= mark ? `${queued} recipients wait in the queue, ${maxQueued} is the mark` : null;
  }

  #slow(took: number): string | null {
    const { slowMs } = this.#parts.marks;
    return took > slowMs ? `the database is slow: it took ${Math.round(took)} ms to answer` : null;
  }

  async #diskFull(): Promise<string | null> {
    const { store, marks, freeBytes = freeOf, log } = this.#parts;
    if (this.#folder === undefined) this.#folder = await dataDirectory(store);
    if (this.#folder === null) return null;
    let free: number;
    try {
      free = await freeBytes(this.#folder);
    } catch (error) {
      // The database is on another machine, or its folder is closed to us: its own alarms must watch the disk.
      log('disk-not-watched', { folder: this.#folder, error: (error as Error).message });
      this.#folder = null;
      return null;
    }
    const mark = this.#reason === null ? marks.minFreeBytes : marks.minFreeBytes / LIFT;
    return free < mark ? `the database's disk has ${free} bytes free, ${marks.minFreeBytes} is the mark` : null;
  }
}

async function freeOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
