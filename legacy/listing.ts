/** Files that a pattern means now, and those beside them that may be what one of them was before it was rotated. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

export interface Listed {
  readonly path: string;
  /** Device and inode. */
  readonly node: string;
  readonly size: number;
  readonly changed: number;
}

/** Files of the patterns, the one that was written to last at the end. */
export async function listed(patterns: readonly string[]): Promise<Listed[]> {
  const found = new Map<string, Listed>();
  for (const pattern of patterns) {
    const [folder, name] = [path.dirname(pattern), path.basename(pattern)];
    const names = /[*?]/.test(name) ? (await namesIn(folder)).filter((one) => matches(name, one)) : [name];
    for (const one of await statsOf(folder, names)) found.set(one.node, one);
  }
  return [...found.values()].sort((a, b) => a.changed - b.changed || a.path.localeCompare(b.path));
}

/** Files whose names begin like one of the patterns': `mail.log.1` beside `mail.log`. */
export async function relatives(patterns: readonly string[]): Promise<Listed[]> {
  const found = new Map<string, Listed>();
  for (const pattern of patterns) {
    const [folder, name] = [path.dirname(pattern), path.basename(pattern)];
    const stem = name.split(/[*?]/)[0] ?? '';
    const names = (await namesIn(folder)).filter((one) => stem !== '' && one.startsWith(stem));
    for (const one of await statsOf(folder, names)) found.set(one.node, one);
  }
  return [...found.values()].sort((a, b) => a.changed - b.changed);
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}

async function statsOf(folder: string, names: readonly string[]): Promise<Listed[]> {
  const found: Listed[] = [];
  for (const name of names) {
    const file = path.join(folder, name);
    const known = await stat(file).catch(() => undefined);
    if (known?.isFile())
      found.push({ path: file, node: `${known.dev}:${known.ino}`, size: known.size, changed: known.mtimeMs });
  }
  return found;
}

function matches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}
