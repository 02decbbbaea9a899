import { spawn } from 'node:child_process';
import { chmod, rename, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { builtPath, onPath } from './locate.ts';

/** Temporal's command line, which contains its one-machine server; its version is pinned in go.mod. */
const PROGRAM = 'github.com/temporalio/cli/cmd/temporal';

/**
 * Builds the Temporal server from the pinned, checksummed sources in go.mod and go.sum, into the cache folder.
 * Takes 3 to 6 minutes the first time on two cores and 15 s when Go's own cache is warm, so it says how it gets on.
 *
 * @returns the program's path.
 * @throws Error in one line: without Go, or with what the Go compiler said last.
 */
export async function buildTemporal(
  cache: string,
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): Promise<string> {
  const go = onPath('go', env);
  if (!go) {
    throw new Error(
      'cannot get the Temporal server: no download and no Go to build it; install Go 1.26 or newer, or put "temporal" on PATH, or set TEMPORAL_ADDRESS',
    );
  }
  const target = builtPath(cache);
  const unfinished = `${target}.unfinished`;
  await compile(go, unfinished, env, log);
  await chmod(unfinished, 0o755);
  await rename(unfinished, target);
  return target;
}

async function compile(go: string, output: string, env: NodeJS.ProcessEnv, log: (line: string) => void) {
  const child = spawn(go, ['build', '-v', '-ldflags=-s -w', '-o', output, PROGRAM], {
    cwd: import.meta.dirname,
    // -mod=readonly: build exactly what go.sum says. -buildvcs=false: the checkout's git state is not part of it.
    env: { ...env, GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let modules = 0;
  let packages = 0;
  let lastWords = '';
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('go: downloading')) modules++;
    else if (/^[\w./~-]+$/.test(line)) packages++;
    else lastWords = line;
  });
  const started = performance.now();
  const progress = setInterval(() => {
    const seconds = Math.round((performance.now() - started) / 1000);
    log(`${seconds} s: ${modules} modules fetched, ${packages} packages compiled (about 1,900 from nothing)`);
  }, 10_000);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(`building the Temporal server failed: ${lastWords || `go ended with ${code}`}`);
  } catch (error) {
    await rm(output, { force: true });
    throw error;
  } finally {
    clearInterval(progress);
  }
}
