import { homedir } from 'node:os';
import path from 'node:path';

/**
 * The folder outside every checkout that holds what is costly to make and safe to share: PostgreSQL's binaries and
 * the Temporal server. Root uses /var/cache because the database runs as `nobody`, which may not enter /root.
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.RAMPART_CACHE) return path.resolve(env.RAMPART_CACHE);
  if (process.getuid?.() === 0) return '/var/cache/rampart';
  return path.join(env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'rampart');
}
