/**
 * Moves ready mail of one pool at one provider to lanes: a cold lane with a unit due first, else a warm address, else
 * it waits. One pass at a time; anything that may have changed asks for another.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../store/connect.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { claim, unclaim } from '../../store/queue.ts';
import type { Lease } from './lease.ts';
import type { LaneSender } from './sender.ts';
import type { LaneUnits } from './units.ts';

export interface DispatcherParts {
  readonly store: Store;
  readonly lease: Lease;
  readonly lanes: () => readonly { readonly lane: LaneRow; readonly units: LaneUnits; readonly sender: LaneSender }[];
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

  /** One pass over the lanes; returns ms until a unit may be due. */
  async #pass(): Promise<number> {
    const { lease } = this.#parts;
    let next = LOOK_MS;
    const lanes = this.#parts.lanes().map((entry) => ({ ...entry, cold: lease.cold(entry.lane, Date.now()) }));
    lanes.sort((a, b) => Number(b.cold) - Number(a.cold));
    for (const { lane, units, sender, cold } of lanes) {
      const now = Date.now();
      const slots = sender.freeSlots;
      if (slots <= 0 || this.#stopped || lease.stops(lane, now) !== null) continue;
      const taken = await units.take(lane, cold, slots, lease.processes, now);
      if (taken.length === 0) {
        next = Math.min(next, Math.max(1, units.nextAt - Date.now()));
        continue;
      }
      const messages = await claim(this.#parts.store, {
        process: lease.id,
        pool: this.#pool,
        provider: this.#provider,
        address: lane.address,
        limit: taken.length,
        cold,
        segments: cold ? admitted(lane.segment) : null,
        heldCampaigns: lease.held('campaign', cold, now),
        heldTenants: lease.held('tenant', cold, now),
      });
      for (const unit of taken.slice(messages.length)) await units.putBack(unit);
      if (this.#stopped) {
        await unclaim(
          this.#parts.store,
          messages.map((message) => message.id),
          lease.id,
        );
        for (const unit of taken.slice(0, messages.length)) await units.putBack(unit);
        return 0;
      }
      messages.forEach((message, n) => {
        const unit = taken[n];
        if (unit !== undefined) void sender.send(message, unit);
      });
      if (messages.length === taken.length) this.#again = true;
    }
    return next;
  }
}

/** Segments a stage admits: its own and every more engaged one. Mail without a segment is `all`. */
function admitted(segment: string | null): string[] | null {
  if (segment === null || segment === 'all') return null;
  return SEGMENT_ORDER.slice(0, SEGMENT_ORDER.indexOf(segment) + 1);
}
