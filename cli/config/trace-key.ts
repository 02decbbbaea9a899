/** The key of trace tokens. It must outlive restarts: with another key, reports about mail sent before join nothing. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ResolvedConfig } from './resolved.ts';

/** The configured key, else the one in <dataDir>/trace.key, made (mode 0600) when it is not there. */
export async function traceKeyOf(config: Pick<ResolvedConfig, 'traceKey' | 'dataDir'>): Promise<string> {
  if (config.traceKey !== null) return config.traceKey;
  const file = path.join(config.dataDir, 'trace.key');
  const known = await readKey(file);
  if (known !== undefined) return known;
  await mkdir(config.dataDir, { recursive: true });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // Processes that start at once must agree: link fails where rename would replace the other's key.
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  const made = await readKey(file);
  if (made === undefined) throw new Error(`${file} is empty: delete it, and a new key is made`);
  return made;
}

/** The key if there is one: whoever only reads must not make another. */
export async function knownTraceKey(config: Pick<ResolvedConfig, 'traceKey' | 'dataDir'>): Promise<string | null> {
  return config.traceKey ?? (await readKey(path.join(config.dataDir, 'trace.key'))) ?? null;
}

async function readKey(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
