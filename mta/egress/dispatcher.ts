/**
 * Moves ready mail of one pool at one provider to lanes: a cold lane with a unit due first, else a warm address, else
 * it waits. One pass at a time; anything that may have changed asks for another.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { type Claimed, claim, unclaim } from '../../store/queue.ts';
import type { Lease } from './lease.ts';
import type { LaneSender } from './sender.ts';
import type { LaneUnits } from './units.ts';

export interface LaneParts {
  readonly lane: LaneRow;
  readonly units: LaneUnits;
  readonly sender: LaneSender;
}

export interface DispatcherParts {
  readonly store: Store;
  readonly lease: Lease;
  readonly lanes: () => readonly LaneParts[];
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** Mail that other processes accepted is found by looking; what this one accepted wakes it. */
const LOOK_MS = 1_000;
/** Requests for a pass within this time share one: a pass costs a few queries. */
const LINGER_MS = 15;

const SEGMENT_ORDER = ['engaged-30d', '60d', '90d', 'all'];

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #pool: string;
  readonly #provider: string;
  #wanted: (() => void) | undefined;
  #again = true;
  #stopped = false;
  #running: Promise<void> | undefined;
  #timers = new Set<NodeJS.Timeout>();

  constructor(pool: string, provider: string, parts: DispatcherParts) {
    this.#pool = pool;
    this.#provider = provider;
    this.#parts = parts;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#running;
  }

  /** Something changed: look again soon. */
  wake(): void {
    this.#again = true;
    this.#wanted?.();
  }

  /** A retry is due then. */
  wakeAt(at: number): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.wake();
      },
      Math.max(1, Math.min(at - Date.now(), 2 ** 31 - 1)),
    );
    this.#timers.add(timer);
    timer.unref();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#again = false;
      let next = LOOK_MS;
      try {
        next = await this.#pass();
      } catch (error) {
        this.#parts.log('dispatch-failed', {
          pool: this.#pool,
          provider: this.#provider,
          error: (error as Error).message,
        });
        next = 250;
      }
      if (!this.#again) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, next);
          this.#wanted = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        this.#wanted = undefined;
      }
      if (!this.#stopped) await sleep(LINGER_MS);
    }
  }

  /**
   * One pass: claims what is ready for the free slots, then finds each message its lane. Mail first, units second: a
   * unit that waited for mail here would let other processes' mail pass it by. Returns ms until a unit may be due.
   */
  async #pass(): Promise<number> {
    const { lease, store } = this.#parts;
    const now = Date.now();
    const lanes = this.#sendable(now);
    const able = lanes.filter((one) => one.slots > 0 && one.units.mayHave(now));
    if (able.length === 0) return Math.max(1, Math.min(LOOK_MS, ...lanes.map((one) => one.units.nextAt - now)));
    const messages = await claim(store, {
      process: lease.id,
      pool: this.#pool,
      provider: this.#provider,
      // A paced lane has a unit or two at a time: claiming more for it would mostly be handed back, and its waiting
      // retries must not crowd out what warm lanes could send.
      limit: able.reduce((sum, one) => sum + atMost(one), 0),
      lanes: able.map((one) => ({ address: one.lane.address, kept: atMost(one) })),
      heldCampaigns: lease.held('campaign', false, now),
      heldTenants: lease.held('tenant', false, now),
    });
    if (messages.length === 0) return LOOK_MS;
    this.#again = true;
    const left = await this.#assign(messages, able, now);
    if (left.length > 0) {
      // Nothing can send these now: no sense in looking again before a unit is due.
      this.#again = left.length < messages.length;
      await unclaim(store, left.map((message) => message.id), lease.id);
      return Math.max(1, Math.min(LOOK_MS, ...lanes.map((one) => one.units.nextAt - Date.now())));
    }
    return LOOK_MS;
  }

  #sendable(now: number): Able[] {
    const { lease } = this.#parts;
    return this.#parts
      .lanes()
      .filter((one) => lease.stops(one.lane, now) === null)
      .map((one) => ({ ...one, cold: lease.cold(one.lane, now), slots: one.sender.freeSlots }))
      .sort((a, b) => Number(b.cold) - Number(a.cold) || a.sender.begun / a.lane.ceiling - b.sender.begun / b.lane.ceiling);
  }

  /** Gives each message to the first lane that may take it and has a unit; returns the messages nobody can send. */
  async #assign(messages: readonly Claimed[], lanes: readonly Able[], now: number): Promise<Claimed[]> {
    let left = [...messages];
    let warm = lanes.filter((one) => !one.cold).length;
    for (const one of lanes) {
      if (left.length === 0 || this.#stopped) break;
      // Warm peers share what comes: a lane that gets nothing for a week would be cold again.
      const share = one.cold ? one.slots : Math.min(one.slots, Math.ceil(left.length / Math.max(1, warm--)));
      const mine = left.filter((message) => this.#takes(one, message, now)).slice(0, share);
      if (mine.length === 0) continue;
      const units = await one.units.take(one.lane, one.cold, mine.length, this.#parts.lease.processes, now);
      const sent = new Set(mine.slice(0, units.length));
      units.forEach((unit, n) => {
        const message = mine[n];
        if (message !== undefined) void one.sender.send(message, unit);
      });
      left = left.filter((message) => !sent.has(message));
    }
    return left;
  }

  #takes(one: Able, message: Claimed, now: number): boolean {
    if (message.address !== null) return message.address === one.lane.address;
    if (!one.cold) return true;
    const { lease } = this.#parts;
    if (message.freed || message.stream !== 'marketing') return false;
    if (lease.held('campaign', true, now).includes(message.campaign)) return false;
    if (lease.held('tenant', true, now).includes(message.tenant)) return false;
    return admitted(one.lane.segment).includes(message.segment);
  }
}

interface Able extends LaneParts {
  readonly cold: boolean;
  readonly slots: number;
}

const PACED_AT_ONCE = 2;

function atMost(one: Able): number {
  return one.cold ? Math.min(one.slots, PACED_AT_ONCE) : one.slots;
}

/** Segments a stage admits: its own and every more engaged one. Mail without a segment is `all`. */
function admitted(segment: string | null): readonly string[] {
  return SEGMENT_ORDER.slice(0, SEGMENT_ORDER.indexOf(segment ?? 'all') + 1);
}
