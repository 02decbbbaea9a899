import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Account, closedFolder } from '../../setup/host/account.ts';
import { makeOpenFolder } from '../../setup/host/open-folder.ts';

/** Where the parts of an embedded cluster lie. */
export interface ClusterPlace {
  /** The data directory given to PostgreSQL. */
  readonly data: string;
  /** Port and password, mode 0600, next to the data so that neither is ever found without the other. */
  readonly credentials: string;
  /** The server's log; always in the data folder the person named. */
  readonly log: string;
  /** Set when the data could not lie in that folder: the folder the database's account may not enter. */
  readonly closed?: string;
}

const ELSEWHERE = '/var/lib/rampart';

/**
 * Decides where the cluster of `dataDir` lies: `<dataDir>/postgres`, unless the account it runs under may not enter
 * that (a checkout under /root, mode 0700); then a folder under /var/lib/rampart named after `dataDir`. A cluster
 * that exists stays where it is, so that a later `chmod` does not make its data disappear.
 *
 * @throws Error in one line when a cluster exists where its account may no longer enter.
 */
export function placeCluster(dataDir: string, account: Account | undefined): ClusterPlace {
  const wanted = place(dataDir, dataDir);
  const closed = account && closedFolder(dataDir, account);
  if (existsSync(wanted.data)) {
    if (!closed) return wanted;
    throw new Error(
      `the database in ${wanted.data} runs as uid ${account?.uid}, which may not enter ${closed}: run "chmod o+x ${closed}"`,
    );
  }
  const digest = createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 12);
  const elsewhere = place(path.join(ELSEWHERE, digest), dataDir);
  if (closed) return { ...elsewhere, closed };
  return account && existsSync(elsewhere.data) ? elsewhere : wanted;
}

function place(folder: string, dataDir: string): ClusterPlace {
  return {
    data: path.join(folder, 'postgres'),
    credentials: path.join(folder, 'postgres.json'),
    log: path.join(dataDir, 'postgres.log'),
  };
}

/** Makes the folders that hold the cluster and its log. */
export async function makeFolders(spot: ClusterPlace): Promise<void> {
  await makeOpenFolder(path.dirname(spot.log));
  await makeOpenFolder(path.dirname(spot.data));
}
