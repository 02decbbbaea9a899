import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../../setup/host/cache-dir.ts';

const run = promisify(execFile);

/** A `temporal` program that can run a server, and where it came from. */
export interface TemporalBinary {
  readonly path: string;
  readonly origin: 'PATH' | 'download' | 'build';
}

/**
 * Finds a `temporal` program that is already on this machine: the person's own on PATH, else one that set-up
 * downloaded or built into the cache folder. Looks at nothing beyond the machine.
 */
export async function locateTemporal(
  env: NodeJS.ProcessEnv = process.env,
  cache = cacheDir(env),
): Promise<TemporalBinary | undefined> {
  const own = onPath('temporal', env);
  // Old versions of the command line have no server in them.
  if (own && (await canServe(own))) return { path: own, origin: 'PATH' };
  if (isProgram(downloadedPath(cache))) return { path: downloadedPath(cache), origin: 'download' };
  if (isProgram(builtPath(cache))) return { path: builtPath(cache), origin: 'build' };
  return undefined;
}

/** As `locateTemporal`, but throws an Error in one line that says what to do when there is none. */
export async function requireTemporal(env: NodeJS.ProcessEnv = process.env): Promise<TemporalBinary> {
  const found = await locateTemporal(env);
  if (found) return found;
  throw new Error('there is no Temporal server on this machine: run "make setup", or set TEMPORAL_ADDRESS to one');
}

/** Where the program built from go.mod lies. Its name changes with what it is built from. */
export function builtPath(cache: string): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(path.join(import.meta.dirname, file)));
  return path.join(cache, `temporal-${hash.digest('hex').slice(0, 12)}`);
}

/** Where the program downloaded by the TypeScript SDK lies: under the very name the SDK gives it. */
export function downloadedPath(cache: string): string {
  const { version } = createRequire(import.meta.url)('@temporalio/client/package.json') as { version: string };
  return path.join(cache, 'temporal-download', `temporal-sdk-typescript-${version}`);
}

/** Whether the program has the command `server start-dev`. */
export async function canServe(program: string): Promise<boolean> {
  try {
    await run(program, ['server', 'start-dev', '--help'], { timeout: 5_000 });
    return true;
  } catch {
    return false;
  }
}

/** The first program called `name` on PATH. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? '')
    .split(path.delimiter)
    .filter(Boolean)
    .map((folder) => path.join(folder, name))
    .find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
