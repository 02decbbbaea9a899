/**
 * Mail that leaves the lane it waits for: the lane stopped, its ramp ended, or it became cold and may not carry this mail any
 * more. It goes to warm addresses only, and where there are none it waits for its own.
 */
import { admitted } from '../../policy/carry.ts';
import { laneTarget } from '../../policy/holds.ts';
import { overflowPool, STAYING, takesWarmPeers } from '../../policy/overflow.ts';
import { freeFromLane, freeUnfit } from '../../store/claims.ts';
import type { Store } from '../../store/connect.ts';
import type { LaneRow } from '../../store/lanes.ts';
import * as clock from '../clock.ts';
import type { Lease } from './lease.ts';

/** Mail that was deferred to a lane whose ramp has ended since is looked for so often. */
const FREE_ENDED_MS = 5_000;

export class Leaving {
  readonly #store: Store;
  readonly #lease: Lease;
  readonly #isUpstream: (pool: string) => boolean;
  readonly #log: (event: string, fields?: Record<string, unknown>) => void;
  readonly #freeing = new Set<string>();
  #endedAt = 0;

  constructor(
    store: Store,
    lease: Lease,
    isUpstream: (pool: string) => boolean,
    log: (event: string, fields?: Record<string, unknown>) => void,
  ) {
    this.#store = store;
    this.#lease = lease;
    this.#isUpstream = isUpstream;
    this.#log = log;
  }

  /** Addresses that may take what this lane was refused: of its pool, else of the pool it overflows to. */
  elsewhere(lane: LaneRow): string[] {
    const now = clock.now();
    if (!takesWarmPeers(lane.overflow)) return [];
    const own = this.#lease.warmPeers(lane, now);
    const to = overflowPool(lane.overflow);
    return own.length > 0 || to === null ? own : this.#lease.warmPeers({ ...lane, pool: to }, now);
  }

  /** Mail that a lane kept while it was warm, or at a later stage, and may not carry now, goes to a warm address. */
  unfit(lane: LaneRow): void {
    const now = clock.now();
    const taken = this.#lease.hasWarmPeer(lane, now) || this.#overflowTakes(lane, now);
    if (!this.#lease.cold(lane, now) || !taken) return;
    const { address, provider } = lane;
    freeUnfit(this.#store, address, provider, admitted(lane.segment)).catch(
      this.#notFreed(laneTarget(address, provider)),
    );
  }

  /**
   * Mail that waits for a lane which was stopped may go to a warm address. Repeated while the stop lasts: what was in a
   * transaction when it came is deferred to the lane only afterwards.
   */
  stopped(): void {
    const now = clock.now();
    // A whole range may be ended at once: its lanes are looked at now and then, not at every renewal.
    const ended = now < this.#endedAt ? [] : this.#lease.endedLanes(now);
    if (now >= this.#endedAt) this.#endedAt = now + FREE_ENDED_MS;
    for (const lane of [...this.#lease.stoppedLanes(now), ...ended]) {
      if (!this.#mayLeave(lane, now)) continue;
      const { address, provider } = lane;
      const key = laneTarget(address, provider);
      if (this.#freeing.has(key)) continue;
      this.#freeing.add(key);
      freeFromLane(this.#store, address, provider, STAYING)
        .catch(this.#notFreed(key))
        .finally(() => this.#freeing.delete(key));
    }
  }

  #notFreed(lane: string) {
    return (error: Error) => this.#log('not-freed', { lane, error: error.message });
  }

  /** May mail leave this lane? Not where the pool's mail is to wait for it, nor where nothing warm would take it. */
  #mayLeave(lane: LaneRow, now: number): boolean {
    if (!takesWarmPeers(lane.overflow)) return false;
    return this.#lease.hasWarmPeer(lane, now) || this.#overflowTakes(lane, now);
  }

  /** Is there a warm lane, or an upstream, in the pool this lane's overflows to? */
  #overflowTakes({ overflow, provider }: LaneRow, now: number): boolean {
    const to = overflowPool(overflow);
    if (to === null) return false;
    return this.#isUpstream(to) || this.#lease.peers(to, provider).some((peer) => !this.#lease.cold(peer, now));
  }
}
