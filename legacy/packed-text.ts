/** A log's text, plain, gzip or zstd (told by its first bytes), in chunks. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

const CHUNK = 256 * 1024;

export type Packing = 'plain' | 'gzip' | 'zstd';

/** How a file that begins with these bytes is packed. */
export function packingOf(first: Buffer): Packing {
  const magic = first.subarray(0, 4).toString('hex');
  return magic.startsWith('1f8b') ? 'gzip' : magic.startsWith('28b52ffd') ? 'zstd' : 'plain';
}

/** The whole text of a file as it is now, as UTF-8. What fails while it is read is an error of the stream. */
export async function textOf(file: string): Promise<Readable> {
  const raw = createReadStream(file, { highWaterMark: CHUNK });
  const packing = packingOf(await firstBytes(file));
  if (packing === 'plain') return raw.setEncoding('utf8');
  const unpack = packing === 'gzip' ? createGunzip({ chunkSize: CHUNK }) : createZstdDecompress({ chunkSize: CHUNK });
  raw.on('error', (error) => unpack.destroy(error));
  return raw.pipe(unpack).setEncoding('utf8');
}

/** Does the file end in the middle of a compressed block? Whoever writes it is not done. */
export function isCutOff(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'Z_BUF_ERROR' || code === 'ZSTD_error_srcSize_wrong' || /unexpected end|src size/i.test(message);
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
