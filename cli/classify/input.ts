/** What `rampart classify` reads: files, folders and standard input. Bounded: a message is read by its first bytes only. */
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { badInput } from '../command.ts';

export interface Source {
  /** As it is named in the output: the path as given, or `-`. */
  readonly name: string;
  read(): Promise<Buffer>;
}

/** Files of all arguments: folders recursively and sorted, `-` is standard input. A missing path is bad input. */
export async function sourcesOf(
  paths: readonly string[],
  stdin: () => Promise<Buffer>,
  most: number,
): Promise<Source[]> {
  const sources: Source[] = [];
  for (const given of paths) {
    if (given === '-') {
      sources.push({ name: '-', read: stdin });
      continue;
    }
    const found = await stat(given).catch((error: NodeJS.ErrnoException) => {
      throw badInput(`${given}: ${error.code === 'ENOENT' ? 'no such file or folder' : error.message}`);
    });
    const files = found.isDirectory() ? await filesIn(given) : [given];
    sources.push(...files.map((name) => ({ name, read: () => readHead(name, most) })));
  }
  return sources;
}

/** Depth first, names in code point order, links to folders not followed (a loop of links would never end). */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const files: string[] = [];
  for (const entry of entries) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesIn(full)));
    else if (entry.isFile() || (entry.isSymbolicLink() && (await stat(full).catch(() => undefined))?.isFile()))
      files.push(full);
  }
  return files;
}

async function readHead(file: string, most: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const found = await handle.stat();
    // A pipe (`<(zcat …)`) tells no size.
    if (!found.isFile()) return await readStdin(handle.createReadStream({ autoClose: false }), most);
    const buffer = Buffer.alloc(Math.min(found.size, most));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Standard input up to a number of bytes; the rest is read and dropped, so that its writer does not fail. */
export async function readStdin(stream: AsyncIterable<Buffer>, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let left = most;
  for await (const chunk of stream) {
    if (left <= 0) continue;
    chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
  }
  return Buffer.concat(chunks);
}
