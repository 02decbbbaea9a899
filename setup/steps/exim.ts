import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../host/cache-dir.ts';
import { withLock } from '../host/lock.ts';
import type { Step } from './step.ts';

const run = promisify(execFile);

/** What a test starts: the program, and the libraries the machine does not have. */
export function eximPlace(): { readonly program: string; readonly libraries: string } {
  const folder = path.join(cacheDir(), 'exim');
  return { program: path.join(folder, 'usr/sbin/exim4'), libraries: path.join(folder, 'libraries') };
}

/**
 * Exim is a second engine whose log the tests read. Debian lets a machine have one mail server, and that is Postfix: Exim's
 * package is unpacked into the cache, not installed, and run from there without rights.
 */
export function eximStep(required: boolean): Step {
  return {
    name: 'Exim',
    why: 'another mail server whose log is read (tests only)',
    run: async () => {
      const { program } = eximPlace();
      if (existsSync(program)) return `found ${program}`;
      try {
        await withLock('exim', async () => {
          if (!existsSync(program)) await unpack(path.join(cacheDir(), 'exim'));
        });
        return `unpacked to ${program}`;
      } catch (error) {
        const reason = `Exim is missing; ${(error as Error).message.split('\n')[0]}`;
        if (required) throw new Error(reason);
        return `${reason}; without it "make test" does not run`;
      }
    },
  };
}

async function unpack(folder: string): Promise<void> {
  if (!existsSync('/usr/bin/apt-get')) throw new Error('it comes from a Debian package, and there is no apt-get');
  await mkdir(path.dirname(folder), { recursive: true });
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(path.join(unfinished, 'libraries'), { recursive: true });
  await fetchPackage('exim4-daemon-light', unfinished);
  // The package's program runs as root for everybody (setuid): this one is for tests.
  await chmod(path.join(unfinished, 'usr/sbin/exim4'), 0o755);
  // Debian's Exim does not start where its account is missing; this library shows it one without making any.
  await fetchLibraries('libnss-wrapper', unfinished);
  // A library may need another one: each round finds what the last one left open.
  for (let round = 0; round < 6; round++) {
    const missing = await missingLibraries(unfinished);
    if (missing.length === 0) return rename(unfinished, folder);
    for (const soname of missing) await fetchLibrary(soname, unfinished);
  }
  throw new Error(`libraries it needs were not found: ${(await missingLibraries(unfinished)).join(', ')}`);
}

async function missingLibraries(folder: string): Promise<string[]> {
  const env = { ...process.env, LD_LIBRARY_PATH: path.join(folder, 'libraries') };
  const { stdout } = await run('ldd', [path.join(folder, 'usr/sbin/exim4')], { env });
  return [...stdout.matchAll(/^\s*(\S+) => not found/gm)].map(([, soname = '']) => soname);
}

/** The package of a library: Debian policy 8.1 makes its name of the library's (`libidn.so.12`: libidn12). */
async function fetchLibrary(soname: string, folder: string): Promise<void> {
  const [, stem = soname, version = ''] = /^(.+?)\.so\.?(.*)$/.exec(soname) ?? [];
  const name = `${stem}${/\d$/.test(stem) && version !== '' ? '-' : ''}${version}`.toLowerCase();
  // Since 2024 some carry a suffix for the size of their time.
  await fetchLibraries(name, folder).catch(() => fetchLibraries(`${name}t64`, folder));
}

async function fetchLibraries(name: string, folder: string): Promise<void> {
  const there = path.join(folder, `package-${name}`);
  await fetchPackage(name, there);
  for (const entry of await readdir(there, { recursive: true })) {
    if (/\.so(\.|$)/.test(entry))
      await rename(path.join(there, entry), path.join(folder, 'libraries', path.basename(entry)));
  }
  await rm(there, { recursive: true, force: true });
}

async function fetchPackage(name: string, folder: string): Promise<void> {
  const download = await mkdtemp(path.join(os.tmpdir(), 'rampart-exim-'));
  try {
    const get = () => run('apt-get', ['-q', 'download', name], { cwd: download });
    await get().catch(async (error: Error) => {
      if (process.getuid?.() !== 0) throw error;
      await run('apt-get', ['-o', 'DPkg::Lock::Timeout=300', 'update']);
      await get();
    });
    const [file] = await readdir(download);
    if (file === undefined) throw new Error(`apt-get brought no package ${name}`);
    await run('dpkg-deb', ['-x', path.join(download, file), folder]);
  } finally {
    await rm(download, { recursive: true, force: true });
  }
}
