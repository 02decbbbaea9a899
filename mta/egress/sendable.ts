/**
 * Which lanes of a pool at a provider may send now, and what each of them may carry. A cold lane takes only what its
 * stage admits; a warm one takes the rest, unless the pool's mail is to wait for its cold lanes; lanes of the pool it
 * overflows to come last, and only where no warm lane of its own has a unit.
 */
import { admitted, mayCarry } from '../../policy/carry.ts';
import { maySend } from '../../policy/lane.ts';
import { takesWarmPeers } from '../../policy/overflow.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed } from '../../store/queue.ts';
import type { Carrier, UnitBook } from './carrier.ts';
import type { Lease } from './lease.ts';
import type { MailEasing } from './mail-easing.ts';
import type { LaneSlots } from './slots.ts';

export interface LaneParts {
  readonly lane: LaneRow;
  readonly units: UnitBook;
  readonly sender: Carrier;
  readonly slots: LaneSlots;
  /** Why the lane sends nothing now, or null. */
  readonly stops: () => string | null;
}

/** What of a message decides which lane may carry it. */
export type Mail = Pick<
  Claimed,
  | 'pool'
  | 'front'
  | 'address'
  | 'domain'
  | 'campaign'
  | 'tenant'
  | 'stream'
  | 'segment'
  | 'oneClick'
  | 'freed'
  | 'pinned'
>;

/** A lane that may send. */
export interface Able extends LaneParts {
  readonly cold: boolean;
  /** Takes only what a cold lane may carry; false also for a lane that was idle where no other is warm. */
  readonly picky: boolean;
  /** Of the pool this one overflows to. */
  readonly guest: boolean;
}

export interface SendableParts {
  readonly lease: Lease;
  readonly easing: MailEasing;
  readonly lanes: () => readonly LaneParts[];
  /** Warm lanes of the pool this one overflows to, or its upstream: none where it overflows to no other pool. */
  readonly guests: () => readonly LaneParts[];
}

/** Which lanes may send is worked out at most this often for mail on its way in; senders ask again before MAIL. */
const FRESH_MS = 10;

export class SendableLanes {
  readonly #pool: string;
  readonly #provider: string;
  readonly #parts: SendableParts;
  #known: { readonly at: number; readonly lanes: readonly Able[] } = { at: 0, lanes: [] };
  /** Segments of marketing mail that warm lanes leave alone: the pool's mail waits for its cold lanes. */
  #leave: readonly string[] = [];

  constructor(pool: string, provider: string, parts: SendableParts) {
    this.#pool = pool;
    this.#provider = provider;
    this.#parts = parts;
  }

  /** As worked out last, however long ago. */
  get last(): readonly Able[] {
    return this.#known.lanes;
  }

  /** Segments that warm lanes leave to the cold ones, as worked out last. */
  get leave(): readonly string[] {
    return this.#leave;
  }

  /** As worked out a moment ago. */
  recent(now: number): readonly Able[] {
    if (now - this.#known.at > FRESH_MS) this.#known = { at: now, lanes: this.lanes(now) };
    return this.#known.lanes;
  }

  /** Those that may send now, in the order they are offered mail: cold ones first, then the least used. */
  lanes(now: number): Able[] {
    const { lease } = this.#parts;
    this.#leave = this.#leftToCold(now);
    const own = this.#parts
      .lanes()
      .filter((one) => one.stops() === null && one.sender.restsUntil <= now)
      .map((one) => {
        const cold = lease.cold(one.lane, now);
        const wasWarm = one.lane.phase === 'warm' || one.lane.phase === 'cooling';
        return { ...one, cold, picky: cold && !(wasWarm && !lease.hasWarmPeer(one.lane, now)), guest: false };
      })
      .sort((a, b) => Number(b.cold) - Number(a.cold) || load(a) - load(b));
    // A warm lane that is busy is no reason to overflow: one that is stopped, or has used its limit, is.
    if (own.some((one) => !one.picky && one.units.mayHave(now))) return own;
    const guests = this.#parts
      .guests()
      .filter((one) => one.stops() === null && one.sender.restsUntil <= now && !lease.cold(one.lane, now))
      .map((one) => ({ ...one, cold: false, picky: false, guest: true }))
      .sort((a, b) => load(a) - load(b));
    return [...own, ...guests];
  }

  /** May this lane send this message now, but for units and connections? */
  takes(one: Able, message: Mail, now: number): boolean {
    if (message.address !== null && message.address !== one.lane.address) return false;
    if (this.#parts.lease.stopsMail(message, one.cold, now) !== null) return false;
    if (!this.#parts.easing.allows(message, one, now)) return false;
    if (one.sender.siteRestsUntil(message.domain, now) > 0) return false;
    if (one.picky) return message.pinned || carries(one, message);
    return message.address !== null || !this.#waitsForCold(message);
  }

  #waitsForCold(mail: Mail): boolean {
    return mail.stream === 'marketing' && mail.oneClick && !mail.freed && this.#leave.includes(mail.segment);
  }

  #leftToCold(now: number): readonly string[] {
    const { lease } = this.#parts;
    const lanes = lease.peers(this.#pool, this.#provider);
    if (lanes[0] === undefined || takesWarmPeers(lanes[0].overflow)) return [];
    // A lane that was not started yet, or is quarantined, carries nothing that could wait for it.
    const cold = lanes.filter((lane) => maySend(lane.phase) && lease.cold(lane, now));
    return [...new Set(cold.flatMap((lane) => admitted(lane.segment)))];
  }
}

/** May a cold lane's stage carry this? Mail that belongs to the lane is no exception: the lane may have stepped back. */
export function carries({ lane }: Able, mail: Mail): boolean {
  return mayCarry(lane.segment, mail) === null;
}

/** May queued mail belong to it? None ever does to an upstream, which has no address. */
export function hasKept(one: Able): boolean {
  return !one.guest && one.lane.address !== '';
}

/** How much of a lane's normal limit this process has used: warm peers are kept even. */
export function load(one: LaneParts): number {
  return one.sender.begun / Math.max(1, one.lane.ceiling);
}

/** ms until a lane that waits may have its next unit, at most `most`. */
export function nextUnit(lanes: readonly Able[], now: number, most: number): number {
  const waits = lanes.map((one) => one.units.nextAt - now).filter((ms) => ms > 0);
  return Math.max(1, Math.min(most, ...waits));
}
