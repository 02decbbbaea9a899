/** One line of why a recipient waits, for lists. Pure. */
import type { RecipientReason } from './recipient.ts';

/** What was said of it last where that is more than its rule, else that rule; `binds` null: it ended meanwhile. */
export function whyText(reason: string | null, binds: RecipientReason | null): string {
  if (binds === null) return reason ?? 'not tried yet';
  if (reason !== null && (binds.rule === 'retry' || binds.rule === 'put-off' || binds.rule === 'sending'))
    return reason;
  const [first, ...others] = binds.lanes;
  if (binds.rule !== 'lanes' || first === undefined || others.length === 0) return binds.says;
  return `${first.lane}: ${first.why} (${others.length === 1 ? 'and 1 lane more' : `and ${others.length} lanes more`})`;
}
