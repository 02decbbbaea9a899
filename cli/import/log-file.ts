/** Reads a log of another engine: plain, gzip or zstd (told by its first bytes), in chunks. */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { NotALog, type Tallied, Tally, type TallyOptions } from '../../import/accounting/tally.ts';
import { badInput } from '../command.ts';

const CHUNK = 256 * 1024;

export interface LogSum extends Tallied {
  /** The file ends in the middle of a compressed block: whoever writes it is not done. */
  readonly cutOff: boolean;
}

/** Adds one file up. Throws CliError `bad-input` for what is no such log. */
export async function sumOf(file: string, options: TallyOptions): Promise<LogSum> {
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw badInput(`there is no file ${file}`);
  if (!found.isFile()) throw badInput(`${file} is no file: name the logs themselves`);
  const tally = new Tally(options);
  let cutOff = false;
  try {
    for await (const chunk of await textOf(file)) tally.take(chunk as string);
  } catch (error) {
    if (error instanceof NotALog) throw badInput(`${file}: ${error.message}`);
    if (!isCutOff(error)) throw badInput(`${file} can not be read: ${(error as Error).message}`);
    cutOff = true;
  }
  try {
    return { ...tally.end(), cutOff };
  } catch (error) {
    throw error instanceof NotALog ? badInput(`${file}: ${error.message}`) : error;
  }
}

async function textOf(file: string): Promise<Readable> {
  const raw = createReadStream(file, { highWaterMark: CHUNK });
  const magic = (await firstBytes(file)).toString('hex');
  const unpack = magic.startsWith('1f8b')
    ? createGunzip({ chunkSize: CHUNK })
    : magic.startsWith('28b52ffd')
      ? createZstdDecompress({ chunkSize: CHUNK })
      : undefined;
  if (unpack === undefined) return raw.setEncoding('utf8');
  raw.on('error', (error) => unpack.destroy(error));
  return raw.pipe(unpack).setEncoding('utf8');
}

async function firstBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function isCutOff(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong' || /unexpected end|src size/i.test(message);
}
