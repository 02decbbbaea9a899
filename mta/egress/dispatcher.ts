/**
 * Moves ready mail of one pool at one provider to lanes: a cold lane with a unit due first, else a warm address, else
 * it waits. One pass at a time; anything that may have changed asks for another. Where nothing waits, new mail gets its
 * place on a lane before it is committed (`seat`) and needs neither a claim nor its body read back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { admitted, mayCarry } from '../../policy/carry.ts';
import { maySend } from '../../policy/lane.ts';
import { takesWarmPeers } from '../../policy/overflow.ts';
import { type Cursor, type FlowQuery, START, type Taken } from '../../store/claims.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Claimed } from '../../store/queue.ts';
import * as clock from '../clock.ts';
import type { Carrier, Unit, UnitBook } from './carrier.ts';
import type { Claims } from './claims.ts';
import { Flows } from './flows.ts';
import type { Lease } from './lease.ts';
import type { LaneSlots } from './slots.ts';
import { TenantShares } from './tenant-shares.ts';

export interface LaneParts {
  readonly lane: LaneRow;
  readonly units: UnitBook;
  readonly sender: Carrier;
  readonly slots: LaneSlots;
  /** Why the lane sends nothing now, or null. */
  readonly stops: () => string | null;
}

export interface DispatcherParts {
  readonly claims: Claims;
  readonly lease: Lease;
  readonly lanes: () => readonly LaneParts[];
  /** Warm lanes of the pool this one overflows to, or its upstream: none where it overflows to no other pool. */
  readonly guests: () => readonly LaneParts[];
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** What of a message decides which lane may carry it. */
export type Mail = Pick<
  Claimed,
  'address' | 'domain' | 'campaign' | 'tenant' | 'stream' | 'segment' | 'oneClick' | 'freed' | 'pinned'
>;

/** A connection slot and a unit for one message. */
export interface Place {
  send(message: Claimed): void;
  release(): void;
}

/** Mail that other processes accepted is found by looking; what this one accepted wakes it. */
const LOOK_MS = 1_000;
/** A look that takes long is repeated seldom: at most this part of the time is spent looking. */
const LOOK_SHARE = 0.05;
const FLOWS_LOOKED = 5_000;
/** Requests for a pass within this time share one: a pass costs a few queries. */
const LINGER_MS = 5;
/** Retries due within this time get a timer; later ones are found by looking. */
const ALARM_MS = 60_000;
/** Retries due within one such step share a timer: a hundred thousand deferrals must not be as many timers. */
const ALARM_STEP_MS = 50;
/** Which lanes may send is worked out at most this often for mail on its way in; senders ask again before MAIL. */
const FRESH_MS = 10;
/** Mail that fell behind for less long than this is caught up with before more is taken in; after that it is a backlog. */
const BEHIND_MS = 2_000;
/** Every so many passes, new mail for warm lanes goes before retries: a million of them must not shut it out. */
const NEW_FIRST = 4;

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
  /** What cold lanes may carry, and what warm ones may: the same flows, read to different places. */
  readonly #cold = new Flows();
  readonly #warm = new Flows();
  readonly #kept = new Map<string, Record<'transactional' | 'marketing', Cursor>>();
  /** Lanes that may have retries due. */
  readonly #keptReady = new Set<string>();
  readonly #waiters: (() => void)[] = [];
  /** Since when mail for warm lanes waits. */
  #behindSince = Number.POSITIVE_INFINITY;
  #lookAt = 0;
  #holdsSeen = '';
  #passes = 0;
  #able: { readonly at: number; readonly lanes: readonly Able[] } = { at: 0, lanes: [] };
  /** Segments of marketing mail that warm lanes leave alone: the pool's mail waits for its cold lanes. */
  #leave: readonly string[] = [];

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
    this.#letIn();
    this.#again = true;
    this.#wanted?.();
  }

  /** Mail may be ready that nobody told of. */
  lookAgain(): void {
    this.#lookAt = 0;
    this.wake();
  }

  /** New mail was committed that nobody has in hand. */
  queued(flow: { readonly stream: string; readonly tenant: string }): void {
    this.#behindSince = Math.min(this.#behindSince, clock.now());
    this.#cold.add(flow);
    this.#warm.add(flow);
    this.wake();
  }

  /** A retry is due then. */
  wakeAt(at: number): void {
    const step = Math.ceil(at / ALARM_STEP_MS);
    const ms = step * ALARM_STEP_MS - clock.now();
    if (this.#stopped || ms > ALARM_MS || this.#alarms.has(step)) return;
    const alarm = setTimeout(
      () => {
        this.#alarms.delete(step);
        this.#retriesDue();
        // Mail that was freed with a delay belongs to no lane: a look finds its flow.
        this.#lookAt = Math.min(this.#lookAt, clock.now() + LOOK_MS / 4);
        this.wake();
      },
      Math.max(1, ms),
    );
    alarm.unref();
    this.#alarms.set(step, alarm);
  }

  /**
   * A place on a warm lane for a message that is about to be committed. `soon`: there is a way, but no room on it just
   * now. null: it waits its turn in the queue, because a cold lane may want it, or older mail waits.
   */
  seat(mail: Mail, now: number): Place | 'soon' | null {
    if (this.#stopped) return null;
    const lanes = this.#lanesNow(now);
    if (lanes.some((one) => one.picky && this.#carries(one, mail))) return null;
    const open = lanes.filter(
      (one) => !one.picky && !(hasKept(one) && this.#keptReady.has(one.lane.address)) && this.#takes(one, mail, now),
    );
    if (open.length === 0) return null;
    if (this.#warm.any) return now - this.#behindSince < BEHIND_MS ? 'soon' : null;
    open.sort((a, b) => load(a) - load(b));
    let soon = false;
    for (const one of open) {
      // Where no unit can be had now, there is nothing to wait for.
      if (!one.units.mayHave(now)) continue;
      soon = true;
      if (one.slots.free(mail.stream, one.cold) === 0) continue;
      const [unit] = one.units.takeAtHand(one.lane, 1, now);
      if (unit !== undefined) return this.#place(one, mail, unit);
      void one.units.refill(one.lane, one.cold, this.#parts.lease.processes, now).then((has) => has && this.#letIn());
    }
    return soon ? 'soon' : null;
  }

  /**
   * Why no lane would take this now, in words, or null: there is a unit for it, and nothing waits before it. For pools
   * that refuse what they can not send. The store is asked only where a unit is due and none is at hand.
   */
  async noRoom(mail: Mail, now: number): Promise<string | null> {
    const lanes = this.#lanesNow(now);
    const waits = (one: Able) => (one.picky ? this.#cold : this.#warm).any;
    const able = lanes.filter((one) => this.#takes(one, mail, now));
    for (const one of able) {
      if (waits(one) || !one.units.mayHave(now)) continue;
      if (await one.units.refill(one.lane, one.cold, this.#parts.lease.processes, now)) return null;
    }
    const reasons = this.#parts.lanes().map((one) => {
      const taking = lanes.find(({ lane }) => lane.address === one.lane.address);
      const unfit = taking?.picky ? mayCarry(one.lane.segment, mail) : null;
      const bound = one.units.binds === 'none' ? 'mail waits before it' : one.units.binds;
      return `${one.lane.address}: ${one.stops() ?? unfit ?? bound}`;
    });
    return reasons.length === 0 ? 'it has no lane there' : reasons.join('; ').slice(0, 300);
  }

  /** Which lanes may send, as worked out a moment ago. */
  #lanesNow(now: number): readonly Able[] {
    if (now - this.#able.at > FRESH_MS) this.#able = { at: now, lanes: this.#sendable(now) };
    return this.#able.lanes;
  }

  /** Resolves when there may be room on a warm lane, or after `ms`. */
  room(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Lets in as much mail that waits for room as there is room. */
  #letIn(): void {
    if (this.#waiters.length === 0 || this.#warm.any) return;
    const free = this.#able.lanes.reduce(
      (sum, one) => sum + (one.picky ? 0 : one.slots.free('marketing', one.cold)),
      0,
    );
    for (const waiter of this.#waiters.splice(0, free)) waiter();
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
        // What was claimed in it may be in nobody's hands: everything is looked at again.
        this.#lookAt = 0;
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
    await this.#look();
    const now = clock.now();
    const lanes = this.#sendable(now);
    const able = lanes.filter((one) => one.slots.free('transactional', one.cold) > 0 && one.units.mayHave(now));
    if (able.length === 0) return nextUnit(lanes, now);
    const picky = able.some((one) => one.picky);
    const retries = able.some((one) => hasKept(one) && this.#keptReady.has(one.lane.address));
    const rest = Math.max(1, Math.min(nextUnit(lanes, now), this.#lookAt - now));
    if (!retries && !(picky && this.#cold.any) && !(this.#warm.any && able.some((one) => !one.picky))) return rest;
    const left = new Set(await this.#claim(able, now));
    if (left.size === 0) return rest;
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

  /** Finds what others queued, and begins everywhere at the start again. */
  async #look(): Promise<void> {
    const { lease, claims } = this.#parts;
    const began = clock.now();
    // Mail passed over because it was held is behind the cursors.
    const holds = JSON.stringify([lease.held(true, began), lease.held(false, began)]);
    if (began < this.#lookAt && holds === this.#holdsSeen) return;
    this.#holdsSeen = holds;
    const found = await claims.flows(this.#pool, this.#provider, FLOWS_LOOKED);
    this.#cold.looked(found);
    this.#warm.looked(found);
    this.#kept.clear();
    this.#retriesDue();
    this.#lookAt = clock.now() + Math.max(LOOK_MS, (clock.now() - began) / LOOK_SHARE);
  }

  async #claim(able: readonly Able[], now: number): Promise<Taken[]> {
    const { lease, claims } = this.#parts;
    const cold = able.filter((one) => one.picky);
    const warm = able.filter((one) => !one.picky);
    const sum = (list: readonly Able[], count: (one: Able) => number) => list.reduce((all, one) => all + count(one), 0);
    const [first, ...others] = cold.map((one) => this.#sharesOf(one).all);
    const sated = (first ?? []).filter((tenant) => others.every((one) => one.includes(tenant)));
    const mostCold = sum(cold, atMost);
    const mostWarm = sum(warm, (one) => one.slots.free('transactional', one.cold));
    const coldFlows = this.#cold.next({ marketing: mostCold, transactional: 0 }, sated);
    const marketing = sum(warm, (one) => one.slots.free('marketing', one.cold));
    const warmFlows = this.#warm.next({ marketing, transactional: mostWarm });
    this.#passes += 1;
    const newFirst = warmFlows.length > 0 && this.#passes % NEW_FIRST === 0;
    const began = clock.now();
    const rows = await claims.claim({
      pool: this.#pool,
      provider: this.#provider,
      // A paced lane has a unit or two at a time: claiming more for it would mostly be handed back, and its waiting
      // retries must not crowd out what warm lanes could send.
      // Mail that belongs to a guest is found by the dispatcher of its own pool.
      lanes: able.filter(hasKept).map((one) => ({
        address: one.lane.address,
        kept: newFirst && !one.picky ? 0 : atMost(one),
        cold: one.cold,
        segments: one.picky ? admitted(one.lane.segment) : null,
        after: this.#keptAfter(one.lane.address),
      })),
      cold: {
        most: mostCold,
        flows: coldFlows,
        segments: [...new Set(cold.flatMap((one) => admitted(one.lane.segment)))],
        held: lease.held(true, now),
      },
      warm: { most: mostWarm, flows: warmFlows, held: lease.held(false, now), leave: this.#leave },
    });
    // Slow because of what it stepped over: that is what looks bring back, so they become seldom.
    const took = clock.now() - began;
    if (took > 50) this.#lookAt = Math.max(this.#lookAt, clock.now() + took / LOOK_SHARE);
    this.#learn(rows, { able, coldFlows, warmFlows, mostCold, mostWarm, newFirst });
    return rows;
  }

  #learn(rows: readonly Taken[], asked: Asked): void {
    const of = (chosen: Taken['chosen']) => rows.filter((row) => row.chosen === chosen);
    const kept = of('kept');
    this.#cold.claimed(asked.coldFlows, of('cold'), of('cold').length + kept.length < asked.mostCold);
    this.#warm.claimed(asked.warmFlows, of('warm'), of('warm').length + kept.length < asked.mostWarm);
    if (!this.#warm.any) this.#behindSince = Number.POSITIVE_INFINITY;
    this.#letIn();
    for (const row of kept) {
      const cursors = { ...this.#keptAfter(row.address ?? '') };
      cursors[row.stream === 'transactional' ? 'transactional' : 'marketing'] = row.position;
      this.#kept.set(row.address ?? '', cursors);
    }
    for (const one of asked.able) {
      const passedOver = asked.newFirst && !one.picky;
      const had = kept.some((row) => row.address === one.lane.address);
      if (!passedOver && !had) this.#keptReady.delete(one.lane.address);
    }
  }

  #retriesDue(): void {
    for (const { lane } of this.#parts.lanes()) this.#keptReady.add(lane.address);
  }

  #keptAfter(address: string): Record<'transactional' | 'marketing', Cursor> {
    return this.#kept.get(address) ?? { transactional: START, marketing: START };
  }

  #leftToCold(now: number): readonly string[] {
    const { lease } = this.#parts;
    const lanes = lease.peers(this.#pool, this.#provider);
    if (lanes[0] === undefined || takesWarmPeers(lanes[0].overflow)) return [];
    // A lane that was not started yet, or is quarantined, carries nothing that could wait for it.
    const cold = lanes.filter((lane) => maySend(lane.phase) && lease.cold(lane, now));
    return [...new Set(cold.flatMap((lane) => admitted(lane.segment)))];
  }

  #sendable(now: number): Able[] {
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

  /** Gives each message to the first lane that may take it and has a unit; takes it out of `left`. */
  async #assign(left: Set<Taken>, lanes: readonly Able[], now: number): Promise<void> {
    for (const stream of ['transactional', 'marketing']) {
      let warm = lanes.filter((one) => !one.cold).length;
      for (const one of lanes) {
        const waiting = [...left].filter((message) => message.stream === stream);
        if (waiting.length === 0 || this.#stopped) break;
        const free = one.slots.free(stream, one.cold);
        // Warm peers share what comes: a lane that gets nothing for a week would be cold again.
        const share = one.cold ? free : Math.min(free, Math.ceil(waiting.length / Math.max(1, warm--)));
        const shares = this.#sharesOf(one);
        const takes = waiting.filter((message) => this.#takes(one, message, now));
        if (one.picky) takes.sort((a, b) => Number(shares.sated(a.tenant)) - Number(shares.sated(b.tenant)));
        const mine = takes.slice(0, share);
        if (mine.length === 0) continue;
        // Promised first: mail on its way in must not take the slots while the units are fetched.
        for (const _ of mine) one.slots.promise(stream);
        let units: readonly Unit[] = [];
        try {
          units = await one.units.take(one.lane, one.cold, mine.length, this.#parts.lease.processes, now);
        } finally {
          for (const _ of mine) one.slots.release(stream);
        }
        units.forEach((unit, n) => {
          const message = mine[n];
          if (message === undefined) return;
          left.delete(message);
          shares.use(message.tenant, unit.windowIndex);
          this.#place(one, message, unit).send(message);
        });
      }
    }
  }

  #place({ slots, sender, units }: LaneParts, { stream }: Mail, unit: Unit): Place {
    slots.promise(stream);
    return {
      send: (message) => void slots.keep(stream, () => sender.send(message, unit)),
      release: () => {
        slots.release(stream);
        // A unit that can not be given back is lost: too little is sent, never too much.
        units.putBack(unit).catch((error: Error) => this.#parts.log('unit-lost', { error: error.message }));
      },
    };
  }

  #sharesOf({ lane }: LaneParts): TenantShares {
    const known = this.#shares.get(lane.address);
    if (known !== undefined) return known;
    const shares = new TenantShares();
    this.#shares.set(lane.address, shares);
    return shares;
  }

  #takes(one: Able, message: Mail, now: number): boolean {
    if (message.address !== null && message.address !== one.lane.address) return false;
    if (this.#parts.lease.stopsMail(message, one.cold, now) !== null) return false;
    if (one.sender.siteRestsUntil(message.domain, now) > 0) return false;
    if (one.picky) return message.pinned || this.#carries(one, message);
    return message.address !== null || !this.#waitsForCold(message);
  }

  #waitsForCold(mail: Mail): boolean {
    return mail.stream === 'marketing' && mail.oneClick && !mail.freed && this.#leave.includes(mail.segment);
  }

  /** May a cold lane's stage carry this? Mail that belongs to the lane is no exception: the lane may have stepped back. */
  #carries({ lane }: Able, mail: Mail): boolean {
    return mayCarry(lane.segment, mail) === null;
  }

  /** Nobody can send these now. Mail of a site that does not answer is put off: it would be claimed again at once. */
  async #handBack(messages: readonly Taken[], able: readonly Able[], now: number): Promise<void> {
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
    for (const message of messages) this.#returned(message);
    if (waiting.length > 0) await claims.handBack(ids(waiting), why === '' ? null : `waits for a unit (${why})`);
    if (resting.length === 0) return;
    await claims.handBack(ids(resting), 'its MX hosts do not answer', Math.min(...resting.map(rests)));
  }

  #returned(message: Taken): void {
    if (message.chosen === 'kept') {
      this.#kept.delete(message.address ?? '');
      this.#keptReady.add(message.address ?? '');
      return;
    }
    this.#cold.putBack(message, message.position);
    this.#warm.putBack(message, message.position);
  }
}

interface Able extends LaneParts {
  readonly cold: boolean;
  /** Takes only what a cold lane may carry; false also for a lane that was idle where no other is warm. */
  readonly picky: boolean;
  /** Of the pool this one overflows to. */
  readonly guest: boolean;
}

/** May queued mail belong to it? None ever does to an upstream, which has no address. */
function hasKept(one: Able): boolean {
  return !one.guest && one.lane.address !== '';
}

interface Asked {
  readonly coldFlows: readonly FlowQuery[];
  readonly warmFlows: readonly FlowQuery[];
  readonly mostCold: number;
  readonly mostWarm: number;
  readonly newFirst: boolean;
  readonly able: readonly Able[];
}

const PACED_AT_ONCE = 2;

function atMost(one: Able): number {
  const free = one.slots.free('transactional', one.cold);
  return one.cold ? Math.min(free, PACED_AT_ONCE) : free;
}

/** How much of a lane's normal limit this process has used: warm peers are kept even. */
function load(one: LaneParts): number {
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
