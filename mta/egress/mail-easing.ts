/**
 * Mail of a tenant, campaign, domain or stream that was stopped comes back slowly: on each lane it has a quarter of the
 * lane's even pace, while other mail there keeps all of it; so has a pool's mail on the lanes it overflows to. Whole lanes
 * come back slowly by their units (units.ts). Each process of a node gives out its part, so the bound holds for any number
 * of them. An upstream has no ceiling, so nothing is a quarter of it.
 */
import { windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { type Easing, easingsOf, type NamedMail } from '../../policy/holds.ts';
import { easedMailRate } from '../../policy/pacing.ts';
import { atHand, type Bucket, newBucket, type Rate, refilled, taken } from '../../policy/rate.ts';
import type { HeldMail } from '../../store/claims.ts';
import type { LaneRow } from '../../store/lanes.ts';

/** What the lease knows. */
export interface Lifted {
  readonly easings: readonly Easing[];
  /** Living processes of this node. */
  readonly onNode: number;
}

export interface EasedLane {
  readonly lane: Pick<LaneRow, 'address' | 'provider' | 'pool' | 'ceiling' | 'calendar'>;
  readonly cold: boolean;
}

const FIELDS = { campaign: 'campaigns', tenant: 'tenants', domain: 'domains', stream: 'streams' } as const;

export class MailEasing {
  readonly #lifted: Lifted;
  /** By easing and lane: what may go now. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(lifted: Lifted) {
    this.#lifted = lifted;
  }

  /** May this mail go by this lane now, as far as stops go that were lifted? */
  allows(mail: NamedMail, on: EasedLane, now: number): boolean {
    return this.#of(mail, on, now).every((one) => this.#left(one, on, now) > 0);
  }

  /** The first `most` of this mail that may go by this lane now; they are counted. */
  take<M extends NamedMail>(mails: readonly M[], on: EasedLane, most: number, now: number): M[] {
    if (this.#lifted.easings.length === 0) return mails.slice(0, most);
    const mine: M[] = [];
    for (const mail of mails) {
      if (mine.length >= most) break;
      if (!this.allows(mail, on, now)) continue;
      this.#count(mail, on, 1, now);
      mine.push(mail);
    }
    return mine;
  }

  /** These did not go after all. */
  giveBack(mails: readonly NamedMail[], on: EasedLane, now: number): void {
    for (const mail of mails) this.#count(mail, on, -1, now);
  }

  /** `held`, and names whose mail none of these lanes may take just now: it would be claimed for being handed back. */
  without(held: HeldMail, lanes: readonly EasedLane[], now: number): HeldMail {
    let all = held;
    for (const one of this.#lifted.easings) {
      const field = FIELDS[one.scope as keyof typeof FIELDS];
      if (field === undefined || one.until <= now || lanes.length === 0) continue;
      if (lanes.every((on) => (on.cold || one.reach === 'all') && this.#left(one, on, now) === 0))
        all = { ...all, [field]: [...all[field], one.target] };
    }
    return all;
  }

  #of(mail: NamedMail, { lane, cold }: EasedLane, now: number): readonly Easing[] {
    const { easings } = this.#lifted;
    if (easings.length > 0) return easingsOf(easings, mail, { ...lane, cold }, now);
    if (this.#buckets.size > 0) this.#buckets.clear();
    return easings;
  }

  #count(mail: NamedMail, on: EasedLane, count: number, now: number): void {
    for (const one of this.#of(mail, on, now)) {
      const rate = this.#rate(on, now);
      this.#buckets.set(keyOf(one, on), taken(this.#bucket(one, on, rate, now), rate, count));
    }
  }

  #left(one: Easing, on: EasedLane, now: number): number {
    return atHand(this.#bucket(one, on, this.#rate(on, now), now));
  }

  #bucket(one: Easing, on: EasedLane, rate: Rate, now: number): Bucket {
    const key = keyOf(one, on);
    // Kept from the first look on: one that is made anew each time would always have its first token.
    const bucket = refilled(this.#buckets.get(key) ?? newBucket(now), rate, now);
    this.#buckets.set(key, bucket);
    return bucket;
  }

  #rate({ lane }: EasedLane, now: number): Rate {
    const window = windowOf(now, lane.calendar);
    const perMs = easedMailRate(lane.ceiling, window, DEFAULTS.easePace) / Math.max(1, this.#lifted.onNode);
    return { perMs, burst: Math.max(1, perMs * 1_000) };
  }
}

function keyOf({ scope, target, until }: Easing, { lane }: EasedLane): string {
  return JSON.stringify([scope, target, until, lane.address, lane.provider]);
}
