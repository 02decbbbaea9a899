/**
 * The check before every attempt: mail may have waited for weeks since it was accepted, and its recipient may have
 * bounced or complained meanwhile. Asked once a batch of claimed messages.
 */
import type { Store } from '../../store/connect.ts';
import { endSuppressed } from '../../store/suppressed-mail.ts';
import { type Addressed, type Suppressed, suppressedAmong } from '../../store/suppressions.ts';

/** The words a sender reads where a recipient is refused or its queued mail ends. */
export function suppressedReply(entry: Suppressed): string {
  const day = entry.since.toISOString().slice(0, 10);
  return `550 5.7.1 Recipient is on the suppression list since ${day} (${entry.source}: ${entry.reason})`.slice(0, 500);
}

/**
 * Ends those of a claimed batch whose recipient is suppressed; returns the others. Throws when the store does not
 * answer: what was not checked is not sent.
 */
export async function passSuppression<T extends Addressed>(
  store: Store,
  process: string,
  messages: readonly T[],
): Promise<T[]> {
  const found = await suppressedAmong(store, messages);
  if (found.size > 0) {
    await endSuppressed(
      store,
      process,
      [...found].map(([id, entry]) => ({ id, reply: suppressedReply(entry) })),
    );
  }
  return messages.filter((message) => !found.has(message.id));
}
