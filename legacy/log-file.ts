/**
 * One log file that may grow: by what it is known again, and its bytes from where they were read last. It is known by its
 * first record and not by its name or inode, so that it goes on where it was left after a rename, a copy or a restart.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { LogReader } from '../import/outcomes/event.ts';
import { type Packing, packingOf } from './packed-text.ts';

const CHUNK = 1024 * 1024;
/** No first record is longer. */
const HEAD = 64 * 1024;
/** Of a packed file: enough to be its own, and there as soon as its writer has written anything. */
const PACKED_HEAD = 512;

/** What tells a file from every other. null: its first record is not whole yet. `lines`: a header and a record, or a record. */
export async function identityOf(handle: FileHandle, lines: 1 | 2): Promise<{ id: string; packing: Packing } | null> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(HEAD), 0, HEAD, 0);
  const head = buffer.subarray(0, bytesRead);
  const packing = packingOf(head);
  const hashed = (part: Buffer) => createHash('sha256').update(part).digest('hex').slice(0, 32);
  if (packing !== 'plain') return head.length === 0 ? null : { id: hashed(head.subarray(0, PACKED_HEAD)), packing };
  let end = head.indexOf(10);
  if (lines === 2 && end !== -1) end = head.indexOf(10, end + 1);
  if (end === -1 && bytesRead < HEAD) return null;
  return { id: hashed(end === -1 ? head : head.subarray(0, end)), packing };
}

export class LogFile {
  readonly path: string;
  readonly identity: string;
  readonly packing: Packing;
  readonly reader: LogReader;
  readonly #handle: FileHandle;
  /** Bytes given to the reader. */
  #position: number;
  #headed: boolean;

  private constructor(
    path: string,
    handle: FileHandle,
    known: { id: string; packing: Packing },
    reader: LogReader,
    position: number,
  ) {
    this.path = path;
    this.#handle = handle;
    this.identity = known.id;
    this.packing = known.packing;
    this.reader = reader;
    this.#position = position;
    this.#headed = !reader.hasHeader || position === 0;
  }

  /** Opens a file at the place where it was left. null: there is nothing to read yet, or it is gone. */
  static async open(
    path: string,
    makeReader: () => LogReader,
    placeOf: (identity: string) => number,
  ): Promise<LogFile | null> {
    const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (handle === null) return null;
    try {
      const reader = makeReader();
      const known = await identityOf(handle, reader.hasHeader ? 2 : 1);
      if (known === null) {
        await handle.close();
        return null;
      }
      // A shorter copy of what was read already has nothing new.
      const place = Math.min(placeOf(known.id), (await handle.stat()).size);
      return new LogFile(path, handle, known, reader, place);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Bytes whose events are known: what a reader still holds is read again by whoever comes after. */
  get place(): number {
    return this.#position - Buffer.byteLength(this.reader.pending);
  }

  async size(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  /** Is it still the file it was? A truncated one begins with another record, or is shorter than what was read of it. */
  async isSame(): Promise<boolean> {
    if ((await this.size()) < this.#position) return false;
    const known = await identityOf(this.#handle, this.reader.hasHeader ? 2 : 1);
    return known?.id === this.identity;
  }

  /** The next whole lines as text; undefined: there are none yet. `last`: nobody writes any more, take what is there. */
  async next(last: boolean): Promise<string | undefined> {
    if (!this.#headed) {
      this.#headed = true;
      this.reader.take(await this.#header());
    }
    const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, this.#position);
    if (bytesRead === 0) return undefined;
    // A line end is never part of another character in UTF-8.
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    const length = end > 0 ? end : last || bytesRead === CHUNK ? bytesRead : 0;
    if (length === 0) return undefined;
    this.#position += length;
    return buffer.toString('utf8', 0, length);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #header(): Promise<string> {
    const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(HEAD), 0, HEAD, 0);
    return buffer.toString('utf8', 0, buffer.subarray(0, bytesRead).indexOf(10) + 1);
  }
}
