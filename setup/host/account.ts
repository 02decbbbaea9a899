import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** The account a helper server runs under. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * PostgreSQL refuses to run as root, so root lends it the account `nobody` (no useradd: nothing on the machine
 * changes); everybody else runs it as themselves, which needs no account.
 */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const nobody = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('nobody:'));
  const [, , uid, gid] = nobody?.split(':') ?? [];
  return { uid: Number(uid ?? 65534), gid: Number(gid ?? 65534) };
}

/**
 * The first folder on the way to `target` that `account` may not enter, or undefined when the way is open.
 * A checkout under /root (mode 0700) is the common case. Folders that do not exist yet count as open.
 */
export function closedFolder(target: string, account: Account): string | undefined {
  const parts = path.resolve(target).split(path.sep).filter(Boolean);
  let folder = '/';
  for (const part of ['', ...parts]) {
    folder = path.join(folder, part);
    const stat = statSync(folder, { throwIfNoEntry: false });
    if (!stat) return undefined;
    if (!stat.isDirectory()) return undefined;
    const bit = stat.uid === account.uid ? 0o100 : stat.gid === account.gid ? 0o010 : 0o001;
    if ((stat.mode & bit) === 0) return folder;
  }
  return undefined;
}
