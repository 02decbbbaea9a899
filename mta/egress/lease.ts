/**
 * The process's lease: one round trip a second says it lives and brings lanes and holds. NOTIFY only makes it faster.
 * No renewal for 3 s (by the monotonic clock): cold lanes stop, because nobody could stop them. Warm lanes go on, but
 * only while what they have claimed can not be taken over by another process.
 */
import pg from 'pg';
import { planMs } from '../../policy/calendar.ts';
import { armOf } from '../../policy/cutover/split.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import {
  armTarget,
  type Easing,
  type Hold,
  type HoldScope,
  heldNames,
  holdsOnLane,
  isEasing,
  isLive,
  netblockOf,
} from '../../policy/holds.ts';
import { isCold, maySend } from '../../policy/lane.ts';
import type { HeldMail } from '../../store/claims.ts';
import type { Store } from '../../store/connect.ts';
import { CHANGES } from '../../store/holds.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { registerProcess, renew } from '../../store/processes.ts';
import type { SplitRow } from '../../store/splits.ts';
import type { Trace } from '../../store/traces.ts';
import { followStore } from '../clock.ts';
import type { MtaSettings } from '../settings.ts';

export const LEASE_MS = 3_000;
/** Others take over the claims of a process this long after its lease: the longest transaction, plus a margin. */
export const CLAIM_GRACE_MS = 330_000;
const RENEW_MS = 1_000;
/** Longest wait for the answer to a final dot (the connection's socket time-out): it must come while the claim stands. */
const ANSWER_MS = 300_000;

/** May a lane begin and finish transactions this long (ms) after the last renewal? */
export function leaseAllows(cold: boolean, sinceMs: number): boolean {
  return sinceMs < (cold ? LEASE_MS : LEASE_MS + CLAIM_GRACE_MS - ANSWER_MS);
}

/** What of a message a hold may name. */
interface Mail {
  readonly campaign: string;
  readonly tenant: string;
  readonly domain: string;
  readonly stream: string;
  readonly pool: string;
  /** For which front it is carried (mta/arms/arms.ts); absent or null: no arm of any cutover. */
  readonly front?: string | null;
}

export class Lease {
  readonly id: string;
  readonly #settings: MtaSettings;
  readonly #store: Store;
  readonly #changed: () => void;
  readonly #lost: () => void;
  #lanes: readonly LaneRow[] = [];
  #everywhere: readonly LaneRow[] = [];
  #holds: readonly Hold[] = [];
  #easings: readonly Easing[] = [];
  #traces: readonly Trace[] = [];
  #splits: ReadonlyMap<string, SplitRow> = new Map();
  /** Revisions by front, as this process told the store that it runs them. */
  #told = '{}';
  #processes = 1;
  #onNode = 1;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<boolean> | undefined;
  #after: Promise<boolean> | undefined;
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

  /**
   * Resolves after a renewal that began after this call (one on its way may have looked before what the caller did):
   * true when it succeeded.
   */
  renewNow(): Promise<boolean> {
    if (this.#renewing === undefined) {
      this.#renewing = this.#renew().finally(() => {
        this.#renewing = undefined;
      });
      return this.#renewing;
    }
    this.#after ??= this.#renewing.then(() => {
      this.#after = undefined;
      return this.#stopped ? false : this.renewNow();
    });
    return this.#after;
  }

  /** May this lane begin a transaction now, or send the final dot of one? */
  allows(lane: LaneRow, now: number): boolean {
    return leaseAllows(this.cold(lane, now), performance.now() - this.#renewedAt);
  }

  get lanes(): readonly LaneRow[] {
    return this.#lanes;
  }

  /** Conversations somebody wants to read. */
  get traces(): readonly Trace[] {
    return this.#traces;
  }

  /** Fronts whose mail is divided between two pools. */
  get splits(): ReadonlyMap<string, SplitRow> {
    return this.#splits;
  }

  /** Was the lease renewed a moment ago? Without that, what this process knows of a cutover may be over. */
  get fresh(): boolean {
    return performance.now() - this.#renewedAt < LEASE_MS;
  }

  /** Which lanes of this pool carry a provider's mail, on whatever node: its own where it has any, else those of `other`. */
  laneProviderIn(pool: string, provider: string): string {
    const lanes = this.#everywhere.filter((lane) => lane.pool === pool);
    if (lanes.length === 0) return this.laneProvider(provider);
    return lanes.some((lane) => lane.provider === provider) ? provider : 'other';
  }

  /** Which lanes carry a provider's mail: its own where it has any, else those of `other`. */
  laneProvider(provider: string): string {
    const own = this.#lanes.length === 0 || this.#lanes.some((lane) => lane.provider === provider);
    return own ? provider : 'other';
  }

  get processes(): number {
    return this.#processes;
  }

  /** Living MTA processes of this node: a lane's connections and rates are shared among them. */
  get onNode(): number {
    return this.#onNode;
  }

  /** Stops that were lifted a short time ago. */
  get easings(): readonly Easing[] {
    return this.#easings;
  }

  /** Does this lane come back slowly, because a stop on it was lifted a short time ago? */
  eases(lane: LaneRow, now: number): boolean {
    return this.#easings.length > 0 && isEasing(this.#easings, { ...lane, cold: this.cold(lane, now) }, now);
  }

  /** The lane as a cold or warm one: a warm lane that was idle for a week counts as cold at once. */
  cold(lane: LaneRow, now: number): boolean {
    const idle = now - (lane.lastSentAt ?? lane.phaseSince) > planMs(DEFAULTS.idleMs, lane.calendar);
    return isCold(lane.phase) || idle;
  }

  /**
   * Is another lane of this pool warm at this provider? Where none is, mail that cold lanes do not carry has no other
   * way than a lane that was warm and idle.
   */
  hasWarmPeer(lane: LaneRow, now: number): boolean {
    return this.#everywhere.some(
      (peer) =>
        peer.pool === lane.pool &&
        peer.provider === lane.provider &&
        peer.address !== lane.address &&
        !this.cold(peer, now),
    );
  }

  /** Lanes of a pool at a provider, on whatever node. */
  peers(pool: string, provider: string): LaneRow[] {
    return this.#everywhere.filter((lane) => lane.pool === pool && lane.provider === provider);
  }

  /** Addresses of other lanes of this pool that are warm at this provider and under no hold: on any node. */
  warmPeers(lane: LaneRow, now: number): string[] {
    return this.#everywhere
      .filter((peer) => peer.pool === lane.pool && peer.provider === lane.provider && peer.address !== lane.address)
      .filter((peer) => !this.cold(peer, now) && holdsOnLane(this.#holds, { ...peer, cold: false }, now).length === 0)
      .map((peer) => peer.address);
  }

  /** May a warm lane of this pool at this provider send from another node? */
  warmElsewhere(pool: string, provider: string, now: number): boolean {
    return this.peers(pool, provider).some(
      (lane) =>
        lane.node !== this.#settings.node &&
        !this.cold(lane, now) &&
        holdsOnLane(this.#holds, { ...lane, cold: false }, now).length === 0,
    );
  }

  /** Is any provider stopped? */
  holdsProviders(now: number): boolean {
    return this.#holds.some((hold) => hold.scope === 'provider' && isLive(hold, now));
  }

  /** Why this lane sends nothing now, or null. */
  stops(lane: LaneRow, now: number): string | null {
    const cold = this.cold(lane, now);
    if (!maySend(lane.phase)) return `lane is ${lane.phase}`;
    if (!this.allows(lane, now)) return 'no lease: this process could not renew it in the store';
    const hold = holdsOnLane(this.#holds, { ...lane, cold }, now)[0];
    return hold === undefined ? null : sayHold(hold);
  }

  /** Is all mail of this pool stopped, whatever lane it might go by? */
  holdsPool(pool: string, now: number): boolean {
    return heldNames(this.#holds, 'pool', now, false).includes(pool);
  }

  /** Names of a pool's mail that is held: on every lane, or (`cold`) on cold ones. */
  held(pool: string, cold: boolean, now: number): HeldMail {
    const names = (scope: HoldScope) => heldNames(this.#holds, scope, now, cold);
    const arms = this.#splits.size === 0 ? [] : names('arm');
    return {
      fronts:
        arms.length === 0
          ? []
          : [...this.#splits.keys()].filter((front) => arms.includes(this.#armOf({ front, pool }) ?? '')),
      campaigns: names('campaign'),
      tenants: names('tenant'),
      domains: names('domain'),
      streams: names('stream'),
      pools: names('pool'),
    };
  }

  /** Why this message may not be sent on this lane now, or null: holds on the mail itself. */
  stopsMail(mail: Mail, cold: boolean, now: number): string | null {
    const arm = this.#splits.size === 0 ? null : this.#armOf(mail);
    const hold = this.#holds.find(
      (one) =>
        isLive(one, now) &&
        (cold || one.reach === 'all') &&
        (one.scope === 'arm' ? arm : namedBy(mail, one.scope)) === one.target,
    );
    return hold === undefined ? null : sayHold(hold);
  }

  /** Lanes that a hold on them alone stops (their waiting mail may go to warm peers). */
  stoppedLanes(now: number): LaneRow[] {
    return this.#lanes.filter((lane) =>
      holdsOnLane(this.#holds, { ...lane, cold: this.cold(lane, now) }, now).some((hold) => hold.scope === 'lane'),
    );
  }

  /**
   * Lanes whose ramp was ended a short time ago: for as long as what was in a transaction then may still be deferred to
   * them. Nothing would ever send it.
   */
  endedLanes(now: number): LaneRow[] {
    return this.#lanes.filter(
      (lane) => lane.phase === 'planned' && lane.rampId !== null && now - lane.phaseSince < CLAIM_GRACE_MS,
    );
  }

  /** Every lane of this provider in the same /24, on whatever node. */
  lanesOfBlock(address: string, provider: string): LaneRow[] {
    const block = netblockOf(address);
    return this.#everywhere.filter((lane) => lane.provider === provider && netblockOf(lane.address) === block);
  }

  /** `<front>/<old|new>` of mail in an arm of a cutover; null: it is in none. */
  #armOf({ front, pool }: Pick<Mail, 'front' | 'pool'>): string | null {
    const split = this.#splits.get(front ?? pool ?? '');
    const arm = split === undefined ? null : armOf(split, pool ?? '');
    return split === undefined || arm === null ? null : armTarget(split.front, arm);
  }

  async #renew(): Promise<boolean> {
    const asked = performance.now();
    const runs = JSON.stringify(
      Object.fromEntries([...this.#splits].map(([front, { revision }]) => [front, revision])),
    );
    try {
      const renewal = await renew(this.#store, this.id, 'mta', LEASE_MS, runs === this.#told ? null : runs);
      if (renewal === null) {
        this.#lost();
        return false;
      }
      this.#everywhere = renewal.lanes;
      this.#lanes = renewal.lanes.filter((lane) => lane.node === this.#settings.node);
      this.#holds = renewal.holds;
      this.#easings = renewal.easings;
      this.#traces = renewal.traces;
      this.#told = runs;
      const news = renewal.splits.some(({ front, revision }) => this.#splits.get(front)?.revision !== revision);
      this.#splits = new Map(renewal.splits.map((split) => [split.front, split]));
      this.#processes = renewal.processes;
      this.#onNode = renewal.onNode;
      this.#renewedAt = asked;
      followStore(renewal.now, asked, performance.now());
      this.#changed();
      // Whoever waits for every process to run it is told now, not in a second.
      if (news) setImmediate(() => void (this.#stopped || this.renewNow()));
      return true;
    } catch (error) {
      this.#settings.log('lease-not-renewed', { error: (error as Error).message });
      return false;
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

function namedBy(mail: Mail, scope: HoldScope): string | undefined {
  // A pool's own lanes stop by themselves: this is its mail on lanes of the pool it overflows to.
  if (scope === 'pool') return mail.pool;
  return scope === 'campaign' || scope === 'tenant' || scope === 'domain' || scope === 'stream'
    ? mail[scope]
    : undefined;
}

function sayHold(hold: Hold): string {
  return `hold ${hold.id} (${hold.cause}): ${hold.reason}`;
}
