/** Reads one message as it arrived in a seed's mailbox: what a recipient's provider saw of it. */

import { connection, folders, type SeedAccount } from './mailbox.ts';
import { type Folder, searchOrder } from './placement.ts';

/** The raw message with this Message-ID, or null where no folder has it. Rejects when the mailbox can not be read. */
export async function fetchMessage(
  account: SeedAccount,
  messageId: string,
  options: { readonly timeoutMs?: number } = {},
): Promise<Buffer | null> {
  const client = connection(account, options.timeoutMs ?? 30_000);
  client.on('error', () => {});
  try {
    await client.connect();
    const all: Folder[] = await folders(client);
    for (const { folder } of searchOrder(all)) {
      const lock = await client.getMailboxLock(folder.path, { readOnly: true });
      try {
        const uids = await client.search({ header: { 'message-id': messageId } }, { uid: true });
        const uid = Array.isArray(uids) ? uids[0] : undefined;
        if (uid === undefined) continue;
        const message = await client.fetchOne(String(uid), { source: true }, { uid: true });
        if (message !== false && message?.source !== undefined) return message.source;
      } finally {
        lock.release();
      }
    }
    return null;
  } finally {
    await client.logout().catch(() => client.close());
  }
}
