/**
 * Follows the logs of a feed: what is appended becomes events within a moment. A log that is renamed is read to its end; one
 * that was truncated begins anew, and its copy is looked for; a last line that is not whole waits. How far each was read
 * is kept with its events, so that nothing is lost or doubled by a restart, a kill or a database that was away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LegacyEvent, Log as LegacyLog } from '../import/outcomes/event.ts';
import type { Position } from '../store/legacy-feeds.ts';
import type { Intake } from './intake.ts';
import { type Listed, listed, relatives } from './listing.ts';
import { LogFile } from './log-file.ts';
import { isCutOff, textOf } from './packed-text.ts';
import type { Log } from './settings.ts';

export interface TailParts {
  readonly feed: string;
  /** Paths; the last part may have * and ?. */
  readonly files: readonly string[];
  readonly reading: LegacyLog;
  readonly intake: Intake;
  /** Where its files were left. */
  readonly positions: readonly Position[];
  /** Monotonic ms. */
  readonly now: () => number;
  readonly log: Log;
}

/** Between looks at the files. */
const LOOK_MS = 250;
/** Whoever writes to a log that was renamed has noticed by then. */
const LEFT_MS = 3_000;
/** A file that was read to its end and does not grow is closed, and opened again when it does. */
const QUIET_MS = 60_000;
/** A packed log that still grows is read as a whole each time: not more often than this. */
const PACKED_MS = 5_000;

interface Followed {
  readonly file: LogFile;
  readonly node: string;
  /** Still found by its name. */
  listed: boolean;
  /** When it last had anything new. */
  grownAt: number;
}

interface Rested {
  readonly size: number;
  readonly at: number;
}

export class FeedTail {
  readonly #parts: TailParts;
  readonly #stopped = new AbortController();
  readonly #followed = new Map<string, Followed>();
  /** Files that are not open: their size when they were. */
  readonly #rested = new Map<string, Rested>();
  readonly #places: Map<string, number>;
  #writing: Promise<unknown> = Promise.resolve();
  #running: Promise<void> | undefined;
  #said = '';

  constructor(parts: TailParts) {
    this.#parts = parts;
    this.#places = new Map(parts.positions.map(({ file, position }) => [file, position]));
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** What was read is kept before it resolves. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await this.#writing.catch(() => {});
    for (const { file } of this.#followed.values()) await file.close();
    this.#followed.clear();
  }

  async #run(): Promise<void> {
    const { log, feed } = this.#parts;
    let first = true;
    while (!this.#stopped.signal.aborted) {
      try {
        if (first) await this.#goOnWithRelatives();
        first = false;
        await this.look();
        this.#said = '';
      } catch (error) {
        const { message } = error as Error;
        // Said once, not four times a second.
        if (message !== this.#said && !this.#stopped.signal.aborted)
          log('legacy-log-not-read', { feed, error: message });
        this.#said = message;
      }
      await sleep(LOOK_MS, undefined, { signal: this.#stopped.signal }).catch(() => {});
    }
  }

  /** Reads everything that is new; resolves when it is kept. */
  async look(): Promise<void> {
    const now = this.#parts.now();
    const found = await listed(this.#parts.files);
    const nodes = new Set(found.map((one) => one.node));
    for (const one of this.#followed.values()) one.listed = nodes.has(one.node);
    for (const one of found) await this.#follow(one, now);
    for (const one of [...this.#followed.values()]) {
      if (this.#stopped.signal.aborted) break;
      if (one.file.packing === 'plain') await this.#readOn(one, now);
      else await this.#readPacked(one, now);
    }
    await this.#writing;
  }

  /** A log that was rotated while nobody looked: what is left of it is read first. */
  async #goOnWithRelatives(): Promise<void> {
    const now = this.#parts.now();
    const current = new Set((await listed(this.#parts.files)).map((one) => one.node));
    for (const one of await relatives(this.#parts.files)) {
      if (!current.has(one.node)) await this.#followLeft(one, now);
    }
  }

  /** Follows a file that no name of ours means any more, if it was begun and not finished. */
  async #followLeft(one: Listed, now: number): Promise<void> {
    if (this.#followed.has(one.node)) return;
    const file = await this.#open(one.path);
    if (file === null) return;
    const place = this.#places.get(file.identity);
    if (place === undefined || place >= one.size || file.packing !== 'plain') return file.close();
    this.#followed.set(one.node, { file, node: one.node, listed: false, grownAt: now });
  }

  async #follow(one: Listed, now: number): Promise<void> {
    if (this.#followed.has(one.node)) return;
    const rested = this.#rested.get(one.node);
    if (rested !== undefined && (rested.size === one.size || now - rested.at < PACKED_MS)) return;
    const file = await this.#open(one.path);
    if (file === null) return;
    this.#rested.delete(one.node);
    this.#followed.set(one.node, { file, node: one.node, listed: true, grownAt: now });
  }

  #open(path: string): Promise<LogFile | null> {
    return LogFile.open(path, this.#parts.reading.reader, (identity) => this.#places.get(identity) ?? 0);
  }

  async #readOn(one: Followed, now: number): Promise<void> {
    const { file } = one;
    if (!(await file.isSame())) {
      // Truncated: a copy may have what was not read yet.
      await file.close();
      this.#followed.delete(one.node);
      for (const other of await relatives(this.#parts.files)) {
        if (other.node !== one.node) await this.#followLeft(other, now);
      }
      return;
    }
    const over = !one.listed && now - one.grownAt >= LEFT_MS;
    for (;;) {
      const text = await file.next(over);
      if (text === undefined || this.#stopped.signal.aborted) break;
      one.grownAt = now;
      await this.#take(file, file.reader.take(text));
    }
    if (over) {
      await this.#take(file, file.reader.end());
      await this.#leave(one);
    } else if (one.listed && now - one.grownAt >= QUIET_MS && file.reader.pending === '') {
      this.#rested.set(one.node, { size: await file.size(), at: now });
      await this.#leave(one);
    }
  }

  async #leave(one: Followed): Promise<void> {
    await this.#writing;
    await one.file.close();
    this.#followed.delete(one.node);
  }

  /** A packed log can not be read on: it is read as a whole, and again when it has grown. */
  async #readPacked(one: Followed, now: number): Promise<void> {
    const { file } = one;
    const size = await file.size();
    if ((this.#places.get(file.identity) ?? 0) !== size) {
      try {
        for await (const text of await textOf(file.path)) await this.#take(file, file.reader.take(text as string), 0);
        await this.#take(file, file.reader.end(), size);
      } catch (error) {
        if (!isCutOff(error)) throw error;
        // What is cut off comes with the next look.
        await this.#take(file, [], size);
      }
    }
    this.#rested.set(one.node, { size, at: now });
    await this.#leave(one);
  }

  /** One batch is written while the next is read, and never two at once: places only go forward. */
  async #take(file: LogFile, events: readonly LegacyEvent[], place = file.place): Promise<void> {
    const { intake, reading } = this.#parts;
    await this.#writing;
    const unreadable = file.reader.unreadable - (this.#unreadable.get(file) ?? 0);
    this.#unreadable.set(file, file.reader.unreadable);
    const position = { file: file.identity, name: file.path, position: place };
    const { opened = [], closed = [] } = reading.memory?.changes() ?? {};
    this.#places.set(file.identity, place);
    this.#writing = intake.take(events, { unreadable, positions: [position], opened, closed }, this.#stopped.signal);
    // It is waited for before the next one; until then nobody else hears of its failure.
    this.#writing.catch(() => {});
  }

  readonly #unreadable = new WeakMap<LogFile, number>();
}
