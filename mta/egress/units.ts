/**
 * Units of one lane in this process: small blocks reserved durably in the grant, used one RCPT at a time, given back
 * when idle. A crash loses at most the block; it never creates a unit.
 */
import { guardMs, windowOf } from '../../policy/calendar.ts';
import { carriedGrant } from '../../policy/carried-grant.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { blockSize, easedRate, hourOf, unitsDue } from '../../policy/pacing.ts';
import { atHand, type Bucket, newBucket, nextToken, type Rate, refilled, taken } from '../../policy/rate.ts';
import type { Store } from '../../store/connect.ts';
import { carryGrant, type GrantRow, giveBack, grantsAround, reserve, writeGrant } from '../../store/grants.ts';
import type { LaneRow } from '../../store/lanes.ts';
import * as clock from '../clock.ts';
import type { Unit, UnitBook } from './carrier.ts';

export type { Unit } from './carrier.ts';

/** What slows a lane beside its grant. */
export interface Slowing {
  /** Messages a minute of the lane in this process; null: no limit. */
  readonly messages: Rate | null;
  /** The lane comes back after a stop: this process at this share of its pace. null: at all of it. */
  readonly eased: number | null;
}

const FULL: Slowing = { messages: null, eased: null };

interface Block extends Unit {
  left: number;
  readonly eased: number | null;
  readonly revision: number;
  touched: number;
}

const IDLE_MS = 5_000;
/** A block used this lately is in use whatever the window; no window is as short as ten of it. */
const BUSY_MS = 20;
const LOOK_AGAIN_MS = 60_000;
/** A lane that comes back slowly is looked at so often: its pace may be lifted at any time. */
const EASED_LOOK_MS = 1_000;
/** Units a warm lane takes at once: a crash loses as many of a day's thousands, and mail finds its unit at hand. */
const WARM_BLOCK = 200;

export class LaneUnits implements UnitBook {
  readonly #store: Store;
  readonly #address: string;
  readonly #provider: string;
  #block: Block | undefined;
  #reserving: Promise<void> | undefined;
  readonly #slowing: () => Slowing;
  #messages: Bucket | undefined;
  /** Of a lane that comes back: units it may have, at the rate worked out last. */
  #easing: Bucket | undefined;
  /** When a paced lane's next unit is due; asking earlier is no use. */
  #nextAt = 0;
  /** The rule that binds now, for "say why". */
  binds = 'none';

  constructor(store: Store, address: string, provider: string, slowing: () => Slowing = () => FULL) {
    this.#slowing = slowing;
    this.#store = store;
    this.#address = address;
    this.#provider = provider;
  }

  get nextAt(): number {
    return Math.max(this.#nextAt, this.#nextMessage(clock.now()));
  }

  /** Could a unit be had now? False saves the question: a paced lane knows when its next unit is due. */
  mayHave(now: number): boolean {
    return (this.#block !== undefined || now >= this.#nextAt) && this.#nextMessage(now) <= now;
  }

  /** Up to `want` units, reserving a new block when this process has none left. */
  async take(lane: LaneRow, cold: boolean, want: number, processes: number, now: number): Promise<Unit[]> {
    if (this.#stale(lane, now)) await this.settle();
    const units: Unit[] = [];
    while (units.length < want) {
      if (this.#block === undefined && now >= this.#nextAt) {
        await this.#reserveOnce(lane, cold, want - units.length, processes, now);
      }
      const block = this.#block;
      if (block === undefined) break;
      const used = this.#use(block, want - units.length, now);
      if (used.length === 0) break;
      units.push(...used);
    }
    return units;
  }

  /** Gets a block in the background where there is none at hand; never rejects. Resolves to whether there is one now. */
  async refill(lane: LaneRow, cold: boolean, processes: number, now: number): Promise<boolean> {
    try {
      if (this.#stale(lane, now)) await this.settle();
      if (this.#block === undefined && now >= this.#nextAt) await this.#reserveOnce(lane, cold, 1, processes, now);
    } catch {
      // Whoever needs a unit asks again, and says what is wrong.
    }
    return this.#block !== undefined;
  }

  /** Two that ask at once share an answer: a second block would take the place of the first, and its units be lost. */
  #reserveOnce(lane: LaneRow, cold: boolean, want: number, processes: number, now: number): Promise<void> {
    this.#reserving ??= this.#reserve(lane, cold, want, processes, now).finally(() => {
      this.#reserving = undefined;
    });
    return this.#reserving;
  }

  #use(block: Block, want: number, now: number): Unit[] {
    const count = Math.min(want, block.left, this.#messagesAtHand(now));
    this.#count(count);
    const { windowIndex, hour, until, closes } = block;
    block.left -= count;
    block.touched = now;
    if (block.left === 0) this.#block = undefined;
    return Array.from({ length: count }, () => ({ windowIndex, hour, until, closes }));
  }

  /** Up to `want` units of the block this process has; none where the store would have to be asked. */
  takeAtHand(lane: LaneRow, want: number, now: number): Unit[] {
    return this.#block === undefined || this.#stale(lane, now) ? [] : this.#use(this.#block, want, now);
  }

  #stale(lane: LaneRow, now: number): boolean {
    const block = this.#block;
    if (block === undefined) return false;
    return block.until <= now || block.revision !== lane.revision || block.eased !== this.#slowing().eased;
  }

  /** When shaping lets the next message go, ms; `now` or before: at once. */
  #nextMessage(now: number): number {
    const { messages } = this.#slowing();
    return messages === null || this.#messages === undefined ? 0 : nextToken(this.#messages, messages, now);
  }

  #messagesAtHand(now: number): number {
    const { messages } = this.#slowing();
    if (messages === null) return Number.POSITIVE_INFINITY;
    this.#messages = refilled(this.#messages ?? newBucket(now, messages.burst), messages, now);
    const count = atHand(this.#messages);
    if (count === 0) this.binds = 'messages a minute';
    return count;
  }

  /** Counts messages against the rate; a negative count gives back what was not sent. */
  #count(messages: number): void {
    const rate = this.#slowing().messages;
    if (rate !== null && this.#messages !== undefined) this.#messages = taken(this.#messages, rate, messages);
  }

  /** A unit whose RCPT was never sent. */
  async putBack(unit: Unit): Promise<void> {
    const block = this.#block;
    this.#count(-1);
    if (block !== undefined && block.windowIndex === unit.windowIndex && block.hour === unit.hour) block.left += 1;
    else await giveBack(this.#store, this.#address, this.#provider, unit.windowIndex, unit.hour, 1);
    this.#nextAt = 0;
  }

  /** Gives the block back when nothing was sent for a while, so that other processes can use it. `windowMs`: a window's length. */
  async settleIdle(now: number, windowMs: () => number): Promise<void> {
    if (this.#block === undefined || now - this.#block.touched < BUSY_MS) return;
    if (now - this.#block.touched > Math.min(IDLE_MS, windowMs() / 10)) await this.settle();
  }

  async settle(): Promise<void> {
    const block = this.#block;
    this.#block = undefined;
    this.#nextAt = 0;
    if (block !== undefined && block.left > 0) {
      await giveBack(this.#store, this.#address, this.#provider, block.windowIndex, block.hour, block.left);
    }
  }

  /** The lane's revision changed: what was not due may be due now. */
  wake(): void {
    this.#nextAt = 0;
  }

  async #reserve(lane: LaneRow, cold: boolean, want: number, processes: number, now: number): Promise<void> {
    const window = windowOf(now, lane.calendar);
    if (!window.sends) {
      this.binds = 'window';
      this.#nextAt = window.end;
      return;
    }
    const guard = guardMs(window);
    // Another process may give units back: asked for again now and then, not only in the next window.
    const lookAgain = Math.min(window.end, now + Math.min(LOOK_AGAIN_MS, (window.end - window.start) / 50));
    for (let tries = 0; tries < 5; tries++) {
      const around = await grantsAround(
        this.#store,
        this.#address,
        this.#provider,
        window.index,
        DEFAULTS.carryWindows + 1,
      );
      const grant = around.find((row) => row.windowIndex === window.index);
      if (grant === undefined) {
        if (await this.#open(lane, cold, around, window)) continue;
        this.binds = 'no grant';
        this.#nextAt = Math.min(window.end, now + 250);
        return;
      }
      const due = cold
        ? unitsDue(
            grant,
            around.find((row) => row.windowIndex === window.index - 1),
            now,
            guard,
          )
        : wholeWindow(grant, now, guard);
      this.binds = due.binds;
      if (due.units <= 0) {
        this.#nextAt = due.nextAt ?? (due.binds === 'grant' ? lookAgain : window.end);
        return;
      }
      const { eased } = this.#slowing();
      const easing = eased === null ? null : this.#ease(easedRate(grant, cold, eased, now, guard), now);
      if (easing !== null && atHand(easing.bucket) === 0) {
        this.binds = 'easing';
        this.#nextAt = Math.min(window.end, now + EASED_LOOK_MS, nextToken(easing.bucket, easing.rate, now));
        return;
      }
      const units = Math.min(
        due.units,
        Math.max(want, cold ? 1 : WARM_BLOCK),
        blockSize(grant.units - grant.handed, processes),
        easing === null ? Number.POSITIVE_INFINITY : atHand(easing.bucket),
      );
      if (!(await reserve(this.#store, this.#address, this.#provider, grant, units, hourOf(grant, now), now))) continue;
      if (easing !== null) this.#easing = taken(easing.bucket, easing.rate, units);
      this.#block = {
        left: units,
        windowIndex: window.index,
        hour: hourOf(grant, now),
        until: grant.sendTo - guard,
        closes: grant.sendTo,
        revision: lane.revision,
        eased,
        touched: now,
      };
      return;
    }
    this.#nextAt = now + 5;
  }

  #ease(perMs: number, now: number): { readonly rate: Rate; readonly bucket: Bucket } {
    const rate = { perMs, burst: Math.max(1, perMs * 1_000) };
    this.#easing = refilled(this.#easing ?? newBucket(now), rate, now);
    return { rate, bucket: this.#easing };
  }

  /** A window nobody decided: a cold lane carries its last grant, a warm one has its normal limit. */
  async #open(
    lane: LaneRow,
    cold: boolean,
    around: readonly GrantRow[],
    window: ReturnType<typeof windowOf>,
  ): Promise<boolean> {
    if (!cold) {
      const grant = {
        window,
        units: lane.ceiling,
        planUnits: lane.ceiling,
        revision: lane.revision,
        origin: 'normal' as const,
      };
      return writeGrant(this.#store, { ...grant, address: this.#address, provider: this.#provider });
    }
    const carried = carriedGrant(around, window.index, lane);
    if (carried === null) return false;
    await carryGrant(this.#store, this.#address, this.#provider, window, carried.from, carried.units);
    return true;
  }
}

function wholeWindow(grant: GrantRow, now: number, guard: number): ReturnType<typeof unitsDue> {
  if (now >= grant.sendTo - guard) return { units: 0, nextAt: null, binds: 'window' };
  if (now < grant.sendFrom) return { units: 0, nextAt: grant.sendFrom, binds: 'window' };
  const units = grant.units - grant.handed;
  return { units, nextAt: null, binds: units > 0 ? 'none' : 'grant' };
}
