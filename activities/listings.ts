/**
 * Asks DNS lists about every address, once a window each: what they say is evidence, and the only thing besides a person that
 * ends a listing's quarantine. An address whose mail was refused with a list's name is asked about at once: what a reply
 * quotes is somebody's word, and pauses the address only when the list itself says so.
 */
import { planMs, windowOf } from '../policy/calendar.ts';
import type { Lookup } from '../policy/preflight/check.ts';
import { type Dnsbl, isPolicyCode, type Listing, listingOf, reversedName } from '../policy/preflight/dnsbl.ts';
import { tx } from '../store/connect.ts';
import { addNotice } from '../store/decisions.ts';
import { clearHolds } from '../store/holds.ts';
import { type AddressRow, addressRows, lanesOf } from '../store/lanes.ts';
import { type ListingCheckRow, listingChecks, listingHolds, noteListing, quotedListings } from '../store/listings.ts';
import { recordSignal } from '../store/signals.ts';
import { beside } from './beside.ts';
import type { ActivityDeps, ListingPort } from './deps.ts';

const HOUR = 3_600_000;
/** However short a compressed hour is. */
const LEAST_MS = 1_000;
/** An answer is committed some seconds after it came: looked for that far back, and asked about once all the same. */
const LATE_MS = 60_000;

export interface ListingReader {
  /** Begins a round unless one runs. */
  look(): void;
  /** Ends the round that runs after the address it is at; `beat` is called while that takes. */
  stop(beat: () => void): Promise<void>;
}

export function listingReader(deps: ActivityDeps): ListingReader {
  let quotedSince = deps.now();
  const work = beside(
    async (ended) => {
      if (deps.listings !== undefined) quotedSince = await round(deps, deps.listings, quotedSince, ended);
    },
    (error) => deps.log('listings-not-read', { error: error.message }),
  );
  return {
    look: () => {
      if (deps.listings !== undefined && deps.listings.lists.length > 0) work.begin();
    },
    stop: work.stop,
  };
}

/** One round over all addresses; returns from when (ms) on quoted listings are the next round's. */
export async function round(
  deps: ActivityDeps,
  port: ListingPort,
  quotedSince: number,
  ended?: AbortSignal,
): Promise<number> {
  const began = deps.now();
  const ask = port.open();
  const quoted = new Map((await quotedListings(deps.store, quotedSince - LATE_MS)).map((one) => [one.address, one]));
  for (const row of await addressRows(deps.store)) {
    if (ended?.aborted) break;
    if (!port.covers(row.address)) continue;
    const lanes = await lanesOf(deps.store, row.address);
    if (lanes.every((lane) => lane.phase === 'planned')) continue;
    const checks = await listingChecks(deps.store, row.address);
    const held = (await listingHolds(deps.store, row.address)).map(({ zone }) => zone);
    const quotes = quoted.get(row.address);
    const due = listsToAsk(port.lists, held).filter((list) =>
      isDue(
        checks.find(({ zone }) => zone === list.zone),
        row,
        deps.now(),
        quotes?.at,
      ),
    );
    await Promise.all(
      due.map(async (list) => {
        await note(deps, row.address, list, await lookUp(row.address, list, ask), quotes?.provider);
      }),
    );
  }
  return began;
}

/** The test entries first: of a list that does not work, nothing is asked about any address (they are asked once a round). */
async function lookUp(address: string, { zone }: Dnsbl, ask: ReturnType<ListingPort['open']>): Promise<Listing> {
  const [mustBe, mustNotBe] = await Promise.all(
    ['127.0.0.2', '127.0.0.1'].map((ip) => ask(reversedName(ip, zone))) as [Promise<Lookup>, Promise<Lookup>],
  );
  const works = listingOf({ entry: { kind: 'none' }, mustBe, mustNotBe });
  if (works.kind === 'unknown') return works;
  return listingOf({ entry: await ask(reversedName(address, zone)), mustBe, mustNotBe });
}

/** Those that are configured, and those that keep an address quarantined: who took a list out wants its listing to end, too. */
function listsToAsk(lists: readonly Dnsbl[], held: readonly string[]): Dnsbl[] {
  const others = [...new Set(held)].filter((zone) => !lists.some((list) => list.zone === zone));
  return [...lists, ...others.map((zone) => ({ zone, listed: 'fail' as const }))];
}

/** Once a window; again after an hour where there was no answer, and at once where a provider has just quoted a list. */
function isDue(
  check: ListingCheckRow | undefined,
  row: AddressRow,
  now: number,
  quotedAt: number | undefined,
): boolean {
  if (check === undefined || (quotedAt !== undefined && quotedAt > check.askedAt)) return true;
  if (check.askedAt < windowOf(now, row.calendar).start) return true;
  return check.problem !== null && now - check.askedAt > Math.max(LEAST_MS, planMs(HOUR, row.calendar));
}

async function note(
  deps: ActivityDeps,
  address: string,
  list: Dnsbl,
  listing: Listing,
  quotedBy: string | undefined,
): Promise<void> {
  const { zone } = list;
  const at = deps.now();
  await tx(deps.store, async (db) => {
    if (listing.kind === 'unknown') {
      await noteListing(db, { address, zone, at, codes: null, problem: listing.why });
      deps.log('listing-unknown', { address, zone, why: listing.why });
      return;
    }
    const codes = listing.kind === 'listed' ? [...listing.codes].sort() : [];
    const { before } = await noteListing(db, { address, zone, at, codes, problem: null });
    if (codes.length === 0) return cleared(deps, db, address, zone, before.length > 0, at);
    if (codes.join() === before.join()) return;
    // One word of several: the one that weighs most.
    const value = codes.find((code) => !isPolicyCode(zone, code)) ?? (codes[0] as string);
    const detail = { listed: list.listed, codes, ...(quotedBy === undefined ? {} : { quotedBy }) };
    await recordSignal(db, { kind: 'dnsbl', source: zone, address, value, detail, at });
    deps.log('listed', { address, zone, codes });
  });
}

/** A working list no longer has it: what its listing placed is lifted, and the lanes probe their way back. */
async function cleared(
  deps: ActivityDeps,
  db: Parameters<typeof listingHolds>[0],
  address: string,
  zone: string,
  wasListed: boolean,
  at: number,
): Promise<void> {
  const holds = (await listingHolds(db, address)).filter((one) => one.zone === zone);
  if (!wasListed && holds.length === 0) return;
  const reason = `re-check: ${zone} answers and lists ${address} no longer`;
  await clearHolds(
    db,
    holds.map(({ id }) => id),
    { actor: 'rampart', reason },
  );
  await recordSignal(db, { kind: 'dnsbl', source: zone, address, value: 'clear', at });
  await addNotice(db, 'delisted', `${address} is no longer listed by ${zone}`, { address, zone, reason });
  deps.log('delisted', { address, zone });
}
