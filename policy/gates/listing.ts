/**
 * DNS lists as evidence of an address: what each said when it was last asked (once a window, activities/listings.ts), how
 * old that is, and since when it lists the address. The quarantine itself is a signal's (signals.ts); this is what a lane
 * needs to advance, and what a quarantined one is told while it waits.
 *
 * A list that never answered us is `not-configured`: Spamhaus refuses public resolvers, and that must stop nobody for ever.
 * One that answered and then fell silent is `stale`: it blocks advancing and punishes nobody. Only lists whose listing stops
 * an address (`fail`) can be stale; the others are shown.
 */
import type { Judgement } from '../evidence.ts';
import { codeText, type Dnsbl } from '../preflight/dnsbl.ts';
import { SIGNAL_HOURS } from './signals.ts';

export interface ListingSeen extends Dnsbl {
  /** What it lists the address as; none: it does not. */
  readonly codes: readonly string[];
  /** Since when (ms) its answers list the address; null: they do not. */
  readonly since: number | null;
  /** Plan hours since its last answer; null: it has never answered. */
  readonly ageHours: number | null;
  /** Why the last question had no answer; null: it had one. */
  readonly problem: string | null;
}

/** The verdict on all lists together, shown and asked with the gates. `insufficient` does not occur: one answer is enough. */
export function listingVerdict(seen: readonly ListingSeen[]): Judgement {
  const answered = seen.filter((one) => one.ageHours !== null);
  const listed = answered.filter((one) => one.since !== null);
  const silent = answered.find((one) => one.listed === 'fail' && (one.ageHours ?? 0) > SIGNAL_HOURS);
  const rate = answered.length === 0 ? 0 : listed.length / answered.length;
  const base = {
    ...{ metric: 'dnsbl' as const, trials: answered.length, events: listed.length, awaiting: 0, from: 0, to: 0 },
    ...{ rate, interval: [rate, rate] as const, limit: 0, needs: null },
  };
  if (answered.length === 0) {
    const why = seen.find((one) => one.problem !== null)?.problem;
    const says = `no DNS list has answered yet${why == null ? '' : `: ${why}`}`;
    return { ...base, feed: 'none', verdict: 'not-configured', says };
  }
  const harmful = listed.find((one) => one.listed === 'fail') ?? listed[0];
  if (harmful !== undefined) return { ...base, feed: 'ok', verdict: 'fail', says: listedText(harmful) };
  if (silent !== undefined) {
    const says = `${silent.zone} has not answered for ${Math.floor(silent.ageHours ?? 0)} h (${silent.problem ?? 'it was not asked'})`;
    return { ...base, feed: 'stale', verdict: 'stale', says };
  }
  return { ...base, feed: 'ok', verdict: 'pass', says: `not listed by ${answered.map((one) => one.zone).join(', ')}` };
}

/** "zen.spamhaus.org lists it since 2026-11-20 03:10Z (127.0.0.2, SBL), asked 2 h ago", of every list; null: none does. */
export function listedBecause(seen: readonly ListingSeen[]): string | null {
  const listed = seen.filter((one) => one.since !== null);
  return listed.length === 0 ? null : listed.map(listedText).join('; ');
}

function listedText({ zone, codes, since, ageHours, problem }: ListingSeen): string {
  const when = since === null ? '' : ` since ${new Date(since).toISOString().slice(0, 16).replace('T', ' ')}Z`;
  const asked = ageHours === null ? '' : `, asked ${Math.max(0, Math.floor(ageHours))} h ago`;
  const silent = problem === null ? '' : `; the last question had no answer: ${problem}`;
  return `${zone} lists it${when} (${codes.map((code) => codeText(zone, code)).join(', ')})${asked}${silent}`;
}
