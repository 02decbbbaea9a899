/**
 * Moves ready mail of one pool at one provider to lanes: a cold lane with a unit due first, else a warm address, else
 * it waits. One pass at a time; anything that may have changed asks for another.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed } from '../../store/queue.ts';
import type { Claims } from './claims.ts';
import type { Lease } from './lease.ts';
import type { LaneSender } from './sender.ts';
import { TenantShares } from './tenant-shares.ts';
import type { LaneUnits } from './units.ts';

export interface LaneParts {
  readonly lane: LaneRow;
  readonly units: LaneUnits;
  readonly sender: LaneSender;
  /** Why the lane sends nothing now, or null. */
  readonly stops: () => string | null;
}

export interface DispatcherParts {
  readonly claims: Claims;
  readonly lease: Lease;
  readonly lanes: () => readonly LaneParts[];
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** Mail that other processes accepted is found by looking; what this one accepted wakes it. */
const LOOK_MS = 1_000;
/** Requests for a pass within this time share one: a pass costs a few queries. */
const LINGER_MS = 15;
/** Retries due within this time get a timer; later ones are found by looking. */
const ALARM_MS = 60_000;
/** Retries due within one such step share a timer: a hundred thousand deferrals must not be as many timers. */
const ALARM_STEP_MS = 50;

const SEGMENT_ORDER = ['engaged-30d', '60d', '90d', 'all'];

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #pool: string;
  readonly #provider: string;
  #wanted: (() => void) | undefined;
  #again = true;
  #stopped = false;
  #running: Promise<void> | undefined;
  readonly #alarms = new Map<number, NodeJS.Timeout>();
  readonly #shares = new Map<string, TenantShares>();

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
    for (const alarm of this.#alarms.values()) clearTimeout(alarm);
    await this.#running;
  }

  /** Something changed: look again soon. */
  wake(): void {
    this.#again = true;
    this.#wanted?.();
  }

  /** A retry is due then. */
  wakeAt(at: number): void {
    const step = Math.ceil(at / ALARM_STEP_MS);
    const ms = step * ALARM_STEP_MS - Date.now();
    if (this.#stopped || ms > ALARM_MS || this.#alarms.has(step)) return;
    const alarm = setTimeout(
      () => {
        this.#alarms.delete(step);
        this.wake();
      },
      Math.max(1, ms),
    );
    alarm.unref();
    this.#alarms.set(step, alarm);
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
    const now = Date.now();
    const lanes = this.#sendable(now);
    const able = lanes.filter((one) => one.slots > 0 && one.units.mayHave(now));
    if (able.length === 0) return nextUnit(lanes, now);
    const left = new Set(await this.#claim(able, now));
    if (left.size === 0) return LOOK_MS;
    const claimed = left.size;
    try {
      await this.#assign(left, able, now);
    } finally {
      if (left.size > 0) await this.#handBack([...left], able, now);
    }
    if (left.size === claimed) return nextUnit(lanes, now);
    this.#again = true;
    return LOOK_MS;
  }

  #claim(able: readonly Able[], now: number): Promise<Claimed[]> {
    const { lease, claims } = this.#parts;
    const most = (picky: boolean) => able.reduce((sum, one) => sum + (one.picky === picky ? atMost(one) : 0), 0);
    const cold = able.filter((one) => one.picky);
    const segments = cold.flatMap((one) => admitted(one.lane.segment));
    const [first, ...others] = cold.map((one) => this.#sharesOf(one).all);
    const sated = (first ?? []).filter((tenant) => others.every((one) => one.includes(tenant)));
    return claims.claim({
      pool: this.#pool,
      provider: this.#provider,
      // A paced lane has a unit or two at a time: claiming more for it would mostly be handed back, and its waiting
      // retries must not crowd out what warm lanes could send.
      lanes: able.map((one) => ({ address: one.lane.address, kept: atMost(one), cold: one.cold })),
      cold: { most: most(true), segments: [...new Set(segments)], held: lease.held(true, now), sated },
      warm: { most: most(false), held: lease.held(false, now) },
    });
  }

  #sendable(now: number): Able[] {
    const { lease } = this.#parts;
    return this.#parts
      .lanes()
      .filter((one) => one.stops() === null && one.sender.restsUntil <= now)
      .map((one) => {
        const cold = lease.cold(one.lane, now);
        const wasWarm = one.lane.phase === 'warm' || one.lane.phase === 'cooling';
        return {
          ...one,
          cold,
          picky: cold && !(wasWarm && !lease.hasWarmPeer(one.lane, now)),
          slots: one.sender.freeSlots,
        };
      })
      .sort((a, b) => Number(b.cold) - Number(a.cold) || load(a) - load(b));
  }

  /** Gives each message to the first lane that may take it and has a unit; takes it out of `left`. */
  async #assign(left: Set<Claimed>, lanes: readonly Able[], now: number): Promise<void> {
    let warm = lanes.filter((one) => !one.cold).length;
    for (const one of lanes) {
      if (left.size === 0 || this.#stopped) break;
      // Warm peers share what comes: a lane that gets nothing for a week would be cold again.
      const share = one.cold ? one.slots : Math.min(one.slots, Math.ceil(left.size / Math.max(1, warm--)));
      const shares = this.#sharesOf(one);
      const takes = [...left].filter((message) => this.#takes(one, message, now));
      if (one.picky) takes.sort((a, b) => Number(shares.sated(a.tenant)) - Number(shares.sated(b.tenant)));
      const mine = takes.slice(0, share);
      if (mine.length === 0) continue;
      const units = await one.units.take(one.lane, one.cold, mine.length, this.#parts.lease.processes, now);
      units.forEach((unit, n) => {
        const message = mine[n];
        if (message === undefined) return;
        left.delete(message);
        shares.use(message.tenant, unit.windowIndex);
        void one.sender.send(message, unit);
      });
    }
  }

  #sharesOf({ lane }: LaneParts): TenantShares {
    const known = this.#shares.get(lane.address);
    if (known !== undefined) return known;
    const shares = new TenantShares();
    this.#shares.set(lane.address, shares);
    return shares;
  }

  #takes(one: Able, message: Claimed, now: number): boolean {
    if (message.address !== null && message.address !== one.lane.address) return false;
    if (this.#parts.lease.stopsMail(message, one.cold, now) !== null) return false;
    if (one.sender.siteRestsUntil(message.domain, now) > 0) return false;
    if (!one.picky || message.address !== null) return true;
    return !message.freed && message.stream === 'marketing' && admitted(one.lane.segment).includes(message.segment);
  }

  /** Nobody can send these now. Mail of a site that does not answer is put off: it would be claimed again at once. */
  async #handBack(messages: readonly Claimed[], able: readonly Able[], now: number): Promise<void> {
    const { claims } = this.#parts;
    const rests = (message: Claimed) =>
      Math.min(
        ...able.filter((one) => owns(one, message)).map((one) => one.sender.siteRestsUntil(message.domain, now)),
      );
    const resting = messages.filter((message) => Number.isFinite(rests(message)) && rests(message) > 0);
    const waiting = messages.filter((message) => !resting.includes(message));
    const binding = able.filter((one) => one.units.binds !== 'none');
    const why = binding.map((one) => `${one.lane.address}: ${one.units.binds}`).join(', ');
    const ids = (list: readonly Claimed[]) => list.map((message) => message.id);
    if (waiting.length > 0) await claims.handBack(ids(waiting), why === '' ? null : `waits for a unit (${why})`);
    if (resting.length === 0) return;
    await claims.handBack(ids(resting), 'its MX hosts do not answer', Math.min(...resting.map(rests)));
  }
}

interface Able extends LaneParts {
  readonly cold: boolean;
  /** Takes only what a cold lane may carry; false also for a lane that was idle where no other is warm. */
  readonly picky: boolean;
  readonly slots: number;
}

const PACED_AT_ONCE = 2;

function atMost(one: Able): number {
  return one.cold ? Math.min(one.slots, PACED_AT_ONCE) : one.slots;
}

/** How much of a lane's normal limit this process has used: warm peers are kept even. */
function load(one: Able): number {
  return one.sender.begun / Math.max(1, one.lane.ceiling);
}

function owns(one: Able, message: Claimed): boolean {
  return message.address === null || message.address === one.lane.address;
}

/** ms until a lane that waits may have its next unit, at most the time between two looks. */
function nextUnit(lanes: readonly Able[], now: number): number {
  const waits = lanes.map((one) => one.units.nextAt - now).filter((ms) => ms > 0);
  return Math.max(1, Math.min(LOOK_MS, ...waits));
}

/** Segments a stage admits: its own and every more engaged one. Mail without a segment is `all`. */
function admitted(segment: string | null): readonly string[] {
  return SEGMENT_ORDER.slice(0, SEGMENT_ORDER.indexOf(segment ?? 'all') + 1);
}
