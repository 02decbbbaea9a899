/**
 * Looks for probes in a seed's mailbox over IMAP: connect, search every folder, log out. A fresh connection each time:
 * a kept one dies unseen, and its next answer would be an error that looks like missing mail.
 *
 * A broken sensor is never a bad result: whatever keeps us from looking makes a probe `unobserved`, and `missing` needs
 * every folder to have been searched.
 */
import { ImapFlow } from 'imapflow';
import { type Folder, type Placement, searchOrder } from './placement.ts';

export interface SeedAccount {
  readonly provider: string;
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. Otherwise STARTTLS, which only a loopback host may do without. */
  readonly secure: boolean;
  readonly user: string;
  readonly password: string;
}

export interface Observation {
  readonly placement: Placement;
  readonly folder?: string;
  /** When the server took the message, ms since 1970 (IMAP INTERNALDATE). */
  readonly seenAt?: number;
  /** Why nothing could be observed, one line. */
  readonly reason?: string;
}

export interface ObserveOptions {
  /** Real ms for each of connecting, the greeting and a silent socket. */
  readonly timeoutMs?: number;
}

/** What one folder answered: message id → when the server took it. */
type Found = ReadonlyMap<string, number | undefined>;

/**
 * Where each message (by its Message-ID, with or without angle brackets) lies in a seed's mailbox. Reads only, marks
 * nothing as seen. Never rejects: what goes wrong is the `reason` of an `unobserved`.
 */
export async function observe(
  account: SeedAccount,
  messageIds: readonly string[],
  options: ObserveOptions = {},
): Promise<Record<string, Observation>> {
  const seen = new Map<string, Observation>();
  const failures: string[] = [];
  const client = connection(account, options.timeoutMs ?? 30_000);
  // Without a listener an error of an idle socket ends the process; commands that wait reject by themselves.
  client.on('error', () => {});
  try {
    await client.connect();
    for (const { folder, placement } of searchOrder(await folders(client))) {
      const wanted = messageIds.filter((id) => !seen.has(id));
      if (wanted.length === 0) break;
      try {
        const found = await searchFolder(client, folder.path, wanted);
        const tabs = placement === 'inbox' ? await inTabs(client, folder.path, [...found.keys()]) : new Set();
        for (const [id, seenAt] of found)
          seen.set(id, observation(tabs.has(id) ? 'tab' : placement, folder.path, seenAt));
      } catch (error) {
        failures.push(`searching ${folder.path} of ${account.address} failed: ${explain(error)}`);
      }
    }
  } catch (error) {
    failures.push(`looking into ${account.address} at ${account.host}:${account.port} failed: ${explain(error)}`);
  } finally {
    await client.logout().catch(() => client.close());
  }

  const reason = failures[0];
  const unseen: Observation = reason === undefined ? { placement: 'missing' } : { placement: 'unobserved', reason };
  return Object.fromEntries(messageIds.map((id) => [id, seen.get(id) ?? unseen]));
}

export function connection(account: SeedAccount, timeoutMs: number): ImapFlow {
  return new ImapFlow({
    host: account.host,
    port: account.port,
    secure: account.secure,
    // Else whoever sits on the path could hide STARTTLS and read the password.
    ...(account.secure || isLoopback(account.host) ? {} : { doSTARTTLS: true }),
    auth: { user: account.user, pass: account.password },
    logger: false,
    disableAutoIdle: true,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

export async function folders(client: ImapFlow): Promise<Folder[]> {
  const listed = await client.list();
  // RFC 3501: INBOX always exists. A list without it is a list that failed.
  if (!listed.some((entry) => entry.path.toUpperCase() === 'INBOX')) throw new Error('the server lists no INBOX');
  return listed.map((entry) => ({
    path: entry.path,
    name: entry.name,
    // The library also guesses by name; that is placement's decision, and only where the server says nothing.
    specialUse: entry.specialUseSource === 'extension' ? entry.specialUse : undefined,
    selectable: !entry.flags.has('\\Noselect') && !entry.flags.has('\\NonExistent'),
  }));
}

/** Throws when the folder can't be opened or the server refuses the search. */
async function searchFolder(client: ImapFlow, path: string, messageIds: readonly string[]): Promise<Found> {
  const found = new Map<string, number | undefined>();
  const lock = await client.getMailboxLock(path, { readOnly: true });
  try {
    for (const id of messageIds) {
      const uids = await client.search({ header: { 'message-id': id } }, { uid: true });
      if (!Array.isArray(uids)) throw new Error('the server refused the search');
      const [uid] = uids;
      if (uid === undefined) continue;
      const message = await client.fetchOne(String(uid), { internalDate: true }, { uid: true });
      const taken = message ? message.internalDate : undefined;
      found.set(id, taken === undefined ? undefined : new Date(taken).getTime());
    }
  } finally {
    lock.release();
  }
  return found;
}

/** Gmail's tabs are no folders: only its own search tells them from the primary inbox. */
async function inTabs(client: ImapFlow, path: string, messageIds: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  if (!client.capabilities.has('X-GM-EXT-1')) return found;
  const lock = await client.getMailboxLock(path, { readOnly: true });
  try {
    for (const id of messageIds) {
      const bare = id.replace(/^<|>$/g, '');
      const uids = await client.search(
        { gmraw: `rfc822msgid:${bare} {category:promotions category:social category:updates category:forums}` },
        { uid: true },
      );
      if (!Array.isArray(uids)) throw new Error('the server refused the search for tabs');
      if (uids.length > 0) found.add(id);
    }
  } finally {
    lock.release();
  }
  return found;
}

function observation(placement: Placement, folder: string, seenAt: number | undefined): Observation {
  return seenAt === undefined ? { placement, folder } : { placement, folder, seenAt };
}

/** The server's own words where it gave some; the library's message for a refused login is only "Command failed". */
function explain(error: unknown): string {
  const { responseText, message } = error as { responseText?: unknown; message?: unknown };
  const text = typeof responseText === 'string' && responseText !== '' ? responseText : String(message ?? error);
  return text.replace(/\s+/g, ' ').slice(0, 200);
}
