/**
 * Where a run of the tests leaves its files: in memory, where the machine has enough of it. A test's database is copied,
 * filled and thrown away within seconds; on a disk that is most of the system's work, and a busy disk's fsync makes other
 * tests wait. Nothing here needs to outlive the run.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { identify } from '../setup/host/process.ts';

const MEMORY = '/dev/shm';
const PREFIX = 'rampart-test-';
/** Four files at a time write some hundred megabytes each; the product takes no mail below its own mark of 1 GB. */
const NEEDED_BYTES = 6e9;

/** Makes the folder of this run and removes those of runs that died; undefined: use the system's own. */
export function makeScratch(): string | undefined {
  if (!roomInMemory()) return undefined;
  for (const name of readdirSync(MEMORY))
    if (name.startsWith(PREFIX) && identify(Number(name.slice(PREFIX.length))) === undefined)
      rmSync(path.join(MEMORY, name), { recursive: true, force: true });
  const folder = path.join(MEMORY, `${PREFIX}${process.pid}`);
  mkdirSync(folder, { recursive: true });
  // As /tmp: servers run under accounts of their own.
  chmodSync(folder, 0o1777);
  return folder;
}

/** Containers often have a small /dev/shm, or one from which nothing may be run, which some tests do. */
function roomInMemory(): boolean {
  const mount = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .findLast(([, where]) => where === MEMORY);
  if (mount?.[2] !== 'tmpfs' || /\b(noexec|ro)\b/.test(mount[3] ?? '')) return false;
  const { bavail, bsize } = statfsSync(MEMORY);
  return Math.min(bavail * bsize, process.availableMemory()) >= NEEDED_BYTES;
}
