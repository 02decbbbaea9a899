/**
 * An append-only file of JSON lines. Lines wait in memory for at most 100 ms; nothing is fsynced, for these are records of
 * a test, and an fsync per message would measure the lab's disk instead of the sender.
 */
import { type FileHandle, open } from 'node:fs/promises';

const FLUSH_MS = 100;

export class Journal<Line extends object> {
  readonly #file: FileHandle;
  #waiting: string[] = [];
  #timer: NodeJS.Timeout | null = null;
  #writes: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Opens `path` for appending, creating it. Errors: those of the file system. */
  static async open<Line extends object>(path: string): Promise<Journal<Line>> {
    return new Journal<Line>(await open(path, 'a'));
  }

  append(line: Line): void {
    this.#waiting.push(`${JSON.stringify(line)}\n`);
    this.#timer ??= setTimeout(() => {
      // A disk that is full must end the run, not falsify its records: the rejection is left unhandled on purpose.
      void this.flush();
    }, FLUSH_MS);
  }

  /** Resolves when all lines so far are in the file. */
  flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const text = this.#waiting.join('');
    this.#waiting = [];
    if (text !== '') this.#writes = this.#writes.then(() => this.#file.appendFile(text));
    return this.#writes;
  }

  /** Flushes and closes; nothing may be appended afterwards. */
  async close(): Promise<void> {
    await this.flush();
    await this.#file.close();
  }
}
