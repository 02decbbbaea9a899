import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../../setup/host/cache-dir.ts';
import { withLock } from '../../setup/host/lock.ts';
import { makeOpenFolder } from '../../setup/host/open-folder.ts';
import { buildTemporal } from './build.ts';
import { locateTemporal, type TemporalBinary } from './locate.ts';

const run = promisify(execFile);

/**
 * Makes sure this machine can reach a Temporal server, in the order cheapest first: the one in TEMPORAL_ADDRESS, a
 * `temporal` on PATH, one from an earlier set-up, the SDK's download, a build from the pinned Go module.
 *
 * @returns what it found or did, for people to read.
 * @throws Error in one line that says what to install.
 */
export async function provisionTemporal(options: {
  log: (line: string) => void;
  env?: NodeJS.ProcessEnv;
}): Promise<string> {
  const env = options.env ?? process.env;
  if (env.TEMPORAL_ADDRESS) return `uses the one at ${env.TEMPORAL_ADDRESS} (TEMPORAL_ADDRESS)`;
  const cache = cacheDir(env);
  const found = await locateTemporal(env, cache);
  if (found) return describe(found);

  await makeOpenFolder(cache);
  return withLock(`temporal ${cache}`, async () => {
    const made = await locateTemporal(env, cache);
    if (made) return describe(made);
    if (await download(cache, env)) {
      const downloaded = await locateTemporal(env, cache);
      if (downloaded) return describe(downloaded);
    }
    options.log('the ready-made server cannot be downloaded here; building it with Go (once, 3 to 6 minutes)');
    return `built ${await buildTemporal(cache, env, options.log)}`;
  });
}

async function download(cache: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    await run(process.execPath, [path.join(import.meta.dirname, 'download.ts'), cache], {
      // Node's fetch looks at HTTPS_PROXY only when asked to; the SDK always does.
      env: { ...env, NODE_USE_ENV_PROXY: '1' },
      timeout: 180_000,
      killSignal: 'SIGKILL',
    });
    return true;
  } catch {
    return false;
  }
}

const describe = (found: TemporalBinary) => `${found.path} (${found.origin === 'PATH' ? 'on PATH' : found.origin})`;
