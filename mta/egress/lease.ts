/**
 * The process's lease: one round trip a second says it lives and brings lanes and holds. NOTIFY only makes it faster.
 * No renewal for 3 s (by the monotonic clock): cold lanes stop, because nobody could stop them.
 */
import pg from 'pg';
import { planMs } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { type Hold, heldNames, holdsOnLane, laneTarget } from '../../policy/holds.ts';
import { isCold, maySend } from '../../policy/lane.ts';
import type { Store } from '../../store/connect.ts';
import { CHANGES } from '../../store/holds.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { registerProcess, renew } from '../../store/processes.ts';
import type { MtaSettings } from '../settings.ts';

export const LEASE_MS = 3_000;
const RENEW_MS = 1_000;

export class Lease {
  readonly id: string;
  readonly #settings: MtaSettings;
  readonly #store: Store;
  readonly #changed: () => void;
  readonly #lost: () => void;
  #lanes: readonly LaneRow[] = [];
  #holds: readonly Hold[] = [];
  #processes = 1;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #listener: pg.Client | undefined;
  #stopped = false;

  constructor(settings: MtaSettings, store: Store, on: { changed: () => void; lost: () => void }) {
    this.#settings = settings;
    this.#store = store;
    this.#changed = on.changed;
    this.#lost = on.lost;
    // The boot epoch makes a restarted process a new one: claims of its predecessor are not its own.
    this.id = `${settings.node}/${settings.name}/${Date.now().toString(36)}`;
  }

  async start(): Promise<void> {
    await registerProcess(
      this.#store,
      { id: this.id, role: 'mta', node: this.#settings.node, pid: process.pid },
      LEASE_MS,
    );
    await this.renewNow();
    this.#timer = setInterval(() => void this.renewNow(), RENEW_MS);
    void this.#listen();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#renewing;
    await this.#listener?.end().catch(() => {});
  }

  renewNow(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** Nobody could tell us to stop for longer than the lease: cold lanes and open transactions must end. */
  get fresh(): boolean {
    return performance.now() - this.#renewedAt < LEASE_MS;
  }

  get lanes(): readonly LaneRow[] {
    return this.#lanes;
  }

  get processes(): number {
    return this.#processes;
  }

  /** The lane as a cold or warm one: a warm lane that was idle for a week counts as cold at once. */
  cold(lane: LaneRow, now: number): boolean {
    const idle = now - (lane.lastSentAt ?? lane.phaseSince) > planMs(DEFAULTS.idleMs, lane.calendar);
    return isCold(lane.phase) || idle;
  }

  /** Why this lane sends nothing now, or null. */
  stops(lane: LaneRow, now: number): string | null {
    const cold = this.cold(lane, now);
    if (!maySend(lane.phase)) return `lane is ${lane.phase}`;
    if (cold && !this.fresh) return 'no lease: the store can not be reached';
    const hold = holdsOnLane(this.#holds, { ...lane, cold }, now)[0];
    return hold === undefined ? null : `hold ${hold.id} (${hold.cause}): ${hold.reason}`;
  }

  held(scope: 'campaign' | 'tenant', cold: boolean, now: number): string[] {
    return heldNames(this.#holds, scope, now, cold);
  }

  /** Lanes with a hold placed on them alone (their waiting mail may go to warm peers). */
  stoppedLanes(now: number): LaneRow[] {
    const targets = new Set(this.#holds.filter((hold) => hold.scope === 'lane').map((hold) => hold.target));
    return this.#lanes.filter((lane) => targets.has(laneTarget(lane.address, lane.provider)) && this.cold(lane, now));
  }

  async #renew(): Promise<void> {
    const asked = performance.now();
    try {
      const renewal = await renew(this.#store, this.id, 'mta', LEASE_MS);
      if (renewal === null) return this.#lost();
      this.#lanes = renewal.lanes.filter((lane) => lane.node === this.#settings.node);
      this.#holds = renewal.holds;
      this.#processes = renewal.processes;
      this.#renewedAt = asked;
      this.#changed();
    } catch (error) {
      this.#settings.log('lease-not-renewed', { error: (error as Error).message });
    }
  }

  async #listen(): Promise<void> {
    while (!this.#stopped) {
      const client = new pg.Client({
        connectionString: this.#settings.databaseUrl,
        application_name: 'rampart-listen',
      });
      this.#listener = client;
      try {
        const ended = new Promise<void>((resolve) => {
          client.once('end', () => resolve());
          client.on('error', () => resolve());
        });
        await client.connect();
        client.on('notification', () => void this.renewNow());
        await client.query(`listen ${CHANGES}`);
        await ended;
      } catch {
        // The lease is renewed every second with or without notifications.
      }
      await client.end().catch(() => {});
      if (!this.#stopped) await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
