/**
 * Suppresses what answered "no such user", within a second, for everybody and every stream: that a mailbox does not exist
 * is a fact about it, not about who wrote. Unless the provider calls far more addresses dead than usual, and than other
 * providers do of the same mail: then it may be the one that is wrong, entries are provisional, and its lanes hold (policy/dead-addresses.ts).
 */
import {
  type BounceCount,
  DEAD_ADDRESSES,
  floodsDead,
  shareElsewhere,
  usualShare,
} from '../../policy/dead-addresses.ts';
import { laneTarget } from '../../policy/holds.ts';
import { type Queryable, type Store, tx } from '../../store/connect.ts';
import {
  bouncesBetween,
  bouncesElsewhere,
  DEAD_ADDRESSES_CAUSE,
  type DeadAddress,
  type RecentBounces,
  recentBounces,
  takeDead,
} from '../../store/dead-addresses.ts';
import { placeHold } from '../../store/holds.ts';
import { envelopeKey, normalRecipient } from '../../store/recipient-key.ts';
import { EVERYWHERE, makeProvisional, type SuppressionEntry, suppress } from '../../store/suppressions.ts';

const BATCH = 500;

export interface DeadAddressParts {
  readonly store: Store;
  readonly now: () => number;
  /** Plan ms in real ms: the calendar's scale. */
  readonly planMs: (ms: number) => number;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** A baseline of weeks changes slowly, and counting it reads every rollup of that time. */
const BASELINE_FRESH_MS = 600_000;

export class DeadAddresses {
  readonly #parts: DeadAddressParts;
  readonly #baselines = new Map<string, { readonly count: BounceCount; readonly at: number }>();

  constructor(parts: DeadAddressParts) {
    this.#parts = parts;
  }

  /** Settles what is on the work list; returns how many addresses. Safe to run in any number of processes. */
  async settle(): Promise<number> {
    let settled = 0;
    for (let taken = BATCH; taken === BATCH; settled += taken) {
      taken = await tx(this.#parts.store, async (db) => {
        const dead = await takeDead(db, BATCH);
        for (const [provider, ones] of Map.groupBy(dead, (one) => one.provider))
          await this.#suppress(db, provider, ones);
        return dead.length;
      });
    }
    return settled;
  }

  async #suppress(db: Queryable, provider: string, dead: readonly DeadAddress[]): Promise<void> {
    const { now, planMs } = this.#parts;
    const recent = await recentBounces(db, provider, DEAD_ADDRESSES.window, now() - planMs(DEAD_ADDRESSES.recentMs));
    const flooding = await this.#floods(db, provider, recent);
    // What was on its way when the lanes were held still comes in, and is as doubtful.
    const until = flooding || recent.bad ? now() + planMs(DEAD_ADDRESSES.provisionalMs) : null;
    await suppress(
      db,
      dead.map((one) => entryOf(one, until)),
    );
    if (flooding) await hold(this.#parts, db, provider, recent, until as number);
  }

  async #floods(db: Queryable, provider: string, recent: RecentBounces): Promise<boolean> {
    const { now, planMs } = this.#parts;
    const usual = usualShare(await this.#baseline(db, provider, recent.from));
    if (!floodsDead(recent, usual)) return false;
    const sent = new Map(Object.entries(recent.campaigns));
    const since = now() - planMs(DEAD_ADDRESSES.elsewhereMs);
    const elsewhere = shareElsewhere(sent, await bouncesElsewhere(db, provider, [...sent.keys()], since));
    return floodsDead(recent, Math.max(usual, elsewhere));
  }

  async #baseline(db: Queryable, provider: string, to: number): Promise<BounceCount> {
    const { now, planMs } = this.#parts;
    const known = this.#baselines.get(provider);
    if (known !== undefined && now() - known.at < planMs(BASELINE_FRESH_MS)) return known.count;
    const count = await bouncesBetween(db, provider, to - planMs(DEAD_ADDRESSES.baselineMs), to);
    this.#baselines.set(provider, { count, at: now() });
    return count;
  }
}

function entryOf(dead: DeadAddress, until: number | null): SuppressionEntry {
  return {
    key: envelopeKey(dead.rcpt),
    recipient: normalRecipient(dead.rcpt) ?? dead.rcpt,
    scope: EVERYWHERE,
    streams: 'all',
    source: 'hard-bounce',
    reason: dead.reply,
    actor: 'mta',
    provider: dead.provider,
    since: dead.at.getTime(),
    until,
  };
}

/** A hold with an end: nobody stepped over a line, so no lane steps back for it. */
async function hold(
  parts: DeadAddressParts,
  db: Queryable,
  provider: string,
  recent: RecentBounces,
  until: number,
): Promise<void> {
  const { attempts, hard } = recent;
  const reason = `${provider} called ${hard} of ${attempts} recipients dead, far more than usual: it may be wrong`;
  await makeProvisional(db, provider, recent.from, until);
  let placed = 0;
  for (const address of recent.addresses) {
    const held = await placeHold(db, {
      scope: 'lane',
      target: laneTarget(address, provider),
      reach: 'all',
      cause: DEAD_ADDRESSES_CAUSE,
      actor: 'mta',
      reason,
      evidence: recent,
      until: parts.now() + parts.planMs(DEAD_ADDRESSES.holdMs),
    });
    if (held.placed) placed += 1;
  }
  if (placed > 0) parts.log('dead-addresses', { provider, hard, attempts, lanes: placed });
}
