/**
 * Where this process runs: others can tell by its pid whether it lives only if they run there too. A node's name does not
 * say so: two machines may have been given the same, and containers of one machine see their own pids alone.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

let known: string | undefined;

/** The same for all processes that see each other's pids, and for no others. */
export function machine(): string {
  known ??= createHash('sha256').update(`${boot()} ${namespace()}`).digest('hex').slice(0, 16);
  return known;
}

/** One boot of one machine: after a restart no pid of before means anything. */
function boot(): string {
  return attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? hostname();
}

function namespace(): string {
  return attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '';
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
