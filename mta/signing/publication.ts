/** Looks whether keys that wait were published, and puts them to use: a signature nobody can check is worse than none. */
import type { Store } from '../../store/connect.ts';
import { activateDkimKey, noteDkimCheck, unseenDkimKeys } from '../../store/dkim.ts';
import { recordName, recordProblem } from './key-pair.ts';

/** How long a retired key's record stays in DNS: mail it signed may be delivered, and checked, days later. */
export const OVERLAP_MS = 7 * 86_400_000;

export interface PublicationParts {
  readonly store: Store;
  /** TXT records of a name, asked now; rejects when DNS does not answer. */
  readonly texts: (name: string) => Promise<readonly string[]>;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** One look at the records of all keys that wait. Returns how many became active. */
export async function lookForPublished(parts: PublicationParts): Promise<number> {
  let activated = 0;
  for (const { domain, selector, algorithm, publicKey } of await unseenDkimKeys(parts.store)) {
    const problem = await parts.texts(recordName(domain, selector)).then(
      (texts) => recordProblem(texts, algorithm, publicKey),
      (error: Error) => `DNS did not answer: ${error.message}`,
    );
    if (problem !== null) await noteDkimCheck(parts.store, domain, selector, problem);
    else if (await activateDkimKey(parts.store, domain, selector, OVERLAP_MS)) {
      activated += 1;
      parts.log('dkim-key-active', { domain, selector });
    }
  }
  return activated;
}
