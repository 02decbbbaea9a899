import { execFile } from 'node:child_process';
import { chown, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Account } from '../../setup/host/account.ts';
import { newPassword, USER, withPasswordFile, writeCredentials } from './credentials.ts';
import type { ClusterPlace } from './placement.ts';

const run = promisify(execFile);

/**
 * Creates an empty cluster. It is made under another name and renamed at the end: a kill in the middle leaves
 * something to throw away, never half a cluster that would not start.
 *
 * @throws Error in one line with initdb's own last words.
 */
export async function createCluster(place: ClusterPlace, bin: string, account: Account | undefined): Promise<void> {
  const unfinished = `${place.data}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  if (account) await chown(unfinished, account.uid, account.gid);
  const password = newPassword();
  const passwordFile = `${unfinished}.password`;
  await withPasswordFile(passwordFile, password, account, async () => {
    const options = ['--locale=C', '--encoding=UTF8', '--auth=scram-sha-256', `--username=${USER}`];
    try {
      await run(path.join(bin, 'initdb'), [...options, `--pwfile=${passwordFile}`, '-D', unfinished], {
        ...account,
        cwd: '/',
        env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
        timeout: 60_000,
      });
    } catch (error) {
      const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
      throw new Error(`could not create the database in ${place.data}: ${said || (error as Error).message}`);
    }
  });
  // Credentials first: data without a password would be lost, a password without data is overwritten next time.
  await writeCredentials(place.credentials, { port: 0, password });
  await rename(unfinished, place.data);
}
