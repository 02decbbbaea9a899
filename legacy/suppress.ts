/**
 * What other engines report stops mail as what we meet ourselves does: a mailbox that does not exist (a remote said so with 5xx)
 * stops all mail to it, a complaint the tenant's marketing. Who is suppressed stands in our own record, never in the event. What an engine read in
 * a mail that came to it (a feedback report, a late bounce) could be anybody's word: it has come here only where it returned
 * our token, and then binds the tenant that wrote, as such a report to us does.
 *
 * A provider that calls far more addresses dead than usual, and than other providers do meanwhile, may be wrong: then entries
 * are provisional (policy/dead-addresses.ts).
 */
import { DEAD_ADDRESSES, floodsDead, shareElsewhere, usualShare } from '../policy/dead-addresses.ts';
import type { Queryable } from '../store/connect.ts';
import type { Told } from '../store/legacy-events.ts';
import { toldBounces } from '../store/legacy-rollups.ts';
import { envelopeKey, normalRecipient } from '../store/recipient-key.ts';
import { EVERYWHERE, makeProvisional, type SuppressionEntry, suppress } from '../store/suppressions.ts';

/** Suppresses what a batch tells, in its transaction. `now`: ms. */
export async function suppressTold(db: Queryable, told: readonly Told[], now: number): Promise<void> {
  const entries = told.filter(({ kind }) => kind === 'complaint').map((one) => complained(one));
  const dead = told.filter(({ kind }) => kind === 'hard');
  for (const [provider, ones] of Map.groupBy(dead, (one) => one.provider ?? 'other')) {
    const newest = Math.max(...ones.map(({ at }) => at));
    const from = newest - DEAD_ADDRESSES.recentMs;
    const until = (await floods(db, provider, from, newest)) ? now + DEAD_ADDRESSES.provisionalMs : null;
    entries.push(...ones.map((one) => bounced(one, until)));
    // Those before were as doubtful.
    if (until !== null) await makeProvisional(db, provider, from, until);
  }
  await suppress(db, entries);
}

async function floods(db: Queryable, provider: string, from: number, to: number): Promise<boolean> {
  const { here, elsewhere } = await toldBounces(db, provider, from, to);
  // Most of the time there is no flood by any measure, and weeks need not be counted.
  if (!floodsDead(here, usualShare({ attempts: 0, hard: 0 }))) return false;
  const before = await toldBounces(db, provider, from - DEAD_ADDRESSES.baselineMs, from - 1);
  const list = shareElsewhere(new Map([['', here.attempts]]), new Map([['', elsewhere]]));
  return floodsDead(here, Math.max(usualShare(before.here), list));
}

function complained(one: Told): SuppressionEntry {
  const scope = { kind: 'tenant', target: one.tenant } as const;
  return { ...entryOf(one), scope, streams: 'marketing', source: 'complaint', until: null };
}

function bounced(one: Told, until: number | null): SuppressionEntry {
  const scope = one.hearsay ? ({ kind: 'tenant', target: one.tenant } as const) : EVERYWHERE;
  return { ...entryOf(one), scope, streams: 'all', source: 'hard-bounce', until };
}

function entryOf({ feed, kind, rcpt, reply, provider, at }: Told) {
  return {
    key: envelopeKey(rcpt),
    recipient: normalRecipient(rcpt) ?? rcpt,
    reason:
      kind === 'complaint' ? `complaint told by feed ${feed}` : `${reply ?? 'no such mailbox'} (told by feed ${feed})`,
    actor: `feed ${feed}`,
    provider: provider ?? 'other',
    since: at,
  };
}
