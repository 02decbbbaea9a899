import { randomBytes } from 'node:crypto';
import { chown, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Account } from '../../setup/host/account.ts';

/** What a process on this machine needs to reach the cluster. */
export interface Credentials {
  readonly port: number;
  readonly password: string;
}

export const USER = 'rampart';
export const DATABASE = 'rampart';

/** The connection URL of one database of the cluster. */
export function urlOf({ port, password }: Credentials, database = DATABASE): string {
  return `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
}

export function newPassword(): string {
  return randomBytes(24).toString('base64url');
}

/** Reads the stored credentials; undefined when there are none. */
export async function readCredentials(file: string): Promise<Credentials | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Credentials;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read the database's port and password from ${file}: ${(error as Error).message}`);
  }
}

/** Stores them readable by their owner only; a crash leaves the old file or the new one, never half of one. */
export async function writeCredentials(file: string, credentials: Credentials): Promise<void> {
  const unfinished = `${file}.unfinished`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, `${JSON.stringify(credentials)}\n`, { mode: 0o600, flush: true });
  await rename(unfinished, file);
}

/** Lends `work` a file that holds the password and that `account` can read, as initdb wants it. */
export async function withPasswordFile(
  file: string,
  password: string,
  account: Account | undefined,
  work: () => Promise<void>,
): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  try {
    if (account) await chown(file, account.uid, account.gid);
    await work();
  } finally {
    await rm(file, { force: true });
  }
}
