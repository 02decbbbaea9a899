/**
 * Moves ready mail of one pool at one provider to lanes: a cold lane with a unit due first, else a warm address, else
 * it waits. One pass at a time; anything that may have changed asks for another. Where nothing waits, new mail gets its
 * place on a lane before it is committed (`seat`) and needs neither a claim nor its body read back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { admitted, mayCarry } from '../../policy/carry.ts';
import type { FlowQuery, HeldMail, Taken } from '../../store/claims.ts';
import type { Claimed } from '../../store/queue.ts';
import * as clock from '../clock.ts';
import { Assignment, type Place } from './assignment.ts';
import type { ClaimedMail, Claims } from './claims.ts';
import { Flows } from './flows.ts';
import { KeptMail } from './kept-mail.ts';
import { RetryAlarms } from './retry-alarms.ts';
import {
  type Able,
  carries,
  hasKept,
  load,
  type Mail,
  nextUnit,
  SendableLanes,
  type SendableParts,
} from './sendable.ts';
import { WaitingRoom } from './waiting-room.ts';

export interface DispatcherParts extends SendableParts {
  /** Largest part of a cold lane that one tenant has while others wait. */
  readonly tenantShare: number;
  readonly claims: Claims;
  /** Domains this process can not route now: their mail is for others. */
  readonly silent: () => readonly string[];
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** Mail that other processes accepted is found by looking; what this one accepted wakes it. */
const LOOK_MS = 1_000;
/** A look that takes long is repeated seldom: at most this part of the time is spent looking. */
const LOOK_SHARE = 0.05;
const FLOWS_LOOKED = 5_000;
/** Requests for a pass within this time share one: a pass costs a few queries. */
const LINGER_MS = 5;
/** Mail that fell behind for less long than this is caught up with before more is taken in; after that it is a backlog. */
const BEHIND_MS = 2_000;
/** Every so many passes, new mail for warm lanes goes before retries: a million of them must not shut it out. */
const NEW_FIRST = 4;
const PACED_AT_ONCE = 2;

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #pool: string;
  readonly #provider: string;
  readonly #sendable: SendableLanes;
  readonly #assignment: Assignment;
  readonly #alarms = new RetryAlarms(() => this.#retryDue());
  /** What cold lanes may carry, and what warm ones may: the same flows, read to different places. */
  readonly #cold = new Flows();
  readonly #warm = new Flows();
  readonly #kept = new KeptMail();
  /** Transactional mail has connections of its own: it never waits behind a campaign. */
  readonly #rooms = { transactional: new WaitingRoom(), marketing: new WaitingRoom() };
  #wanted: (() => void) | undefined;
  #again = true;
  #stopped = false;
  #running: Promise<void> | undefined;
  /** Since when mail for warm lanes waits. */
  #behindSince = Number.POSITIVE_INFINITY;
  #lookAt = 0;
  #holdsSeen = '';
  #passes = 0;

  constructor(pool: string, provider: string, parts: DispatcherParts) {
    this.#pool = pool;
    this.#provider = provider;
    this.#parts = parts;
    this.#sendable = new SendableLanes(pool, provider, parts);
    this.#assignment = new Assignment({
      sendable: this.#sendable,
      easing: parts.easing,
      tenantShare: parts.tenantShare,
      processes: () => parts.lease.processes,
      stopped: () => this.#stopped,
      log: parts.log,
    });
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.wake();
    this.#alarms.clear();
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
    if (!this.#stopped) this.#alarms.set(at);
  }

  /**
   * A place on a warm lane for a message that is about to be committed. `soon`: there is a way, but no room on it just
   * now, or others wait for it (unless this one `waited` and has its turn). null: it waits its turn in the queue, because
   * a cold lane may want it, or older mail waits.
   */
  seat(mail: Mail, now: number, waited: boolean): Place | 'soon' | null {
    if (this.#stopped) return null;
    const lanes = this.#sendable.recent(now);
    if (lanes.some((one) => one.picky && carries(one, mail))) return null;
    const turn = !this.#warm.any && (waited || this.#roomOf(mail).empty);
    return (turn ? this.#placeAtHand(lanes, mail, now) : null) ?? this.#prospect(lanes, mail, now);
  }

  /** A place on the least used of the warm lanes that may take this, have a connection and a unit for it, and no older mail. */
  #placeAtHand(lanes: readonly Able[], mail: Mail, now: number): Place | null {
    const free = lanes.filter((one) => this.#isOpen(one) && one.slots.free(mail.stream, one.cold) > 0);
    free.sort((a, b) => load(a) - load(b));
    for (const one of free) {
      if (!one.units.mayHave(now) || !this.#sendable.takes(one, mail, now)) continue;
      if (!one.sender.mayHold(mail.domain, now)) continue;
      const [unit] = one.units.takeAtHand(one.lane, 1, now);
      if (unit !== undefined) {
        this.#parts.easing.take([mail], one, 1, now);
        return this.#assignment.place(one, mail, unit);
      }
      void one.units.refill(one.lane, one.cold, this.#parts.lease.processes, now).then((has) => has && this.#letIn());
    }
    return null;
  }

  /** Is there anything to wait for, for mail that has no place now? */
  #prospect(lanes: readonly Able[], mail: Mail, now: number): 'soon' | null {
    const taking = lanes.filter((one) => !one.picky && this.#sendable.takes(one, mail, now));
    const open = taking.filter((one) => this.#isOpen(one));
    if (open.length === 0)
      return taking.some((one) => this.#kept.readyFor(one.lane.address, now) < BEHIND_MS) ? 'soon' : null;
    if (this.#warm.any) return now - this.#behindSince < BEHIND_MS ? 'soon' : null;
    // Where no unit can be had now, there is nothing to wait for.
    return open.some((one) => one.units.mayHave(now)) ? 'soon' : null;
  }

  #isOpen(one: Able): boolean {
    return !one.picky && !(hasKept(one) && this.#kept.mayHave(one.lane.address));
  }

  /**
   * Why no lane would take this now, in words, or null: there is a unit for it, and nothing waits before it. For pools
   * that refuse what they can not send. The store is asked only where a unit is due and none is at hand.
   */
  async noRoom(mail: Mail, now: number): Promise<string | null> {
    const lanes = this.#sendable.recent(now);
    const waits = (one: Able) => (one.picky ? this.#cold : this.#warm).any;
    const able = lanes.filter((one) => this.#sendable.takes(one, mail, now));
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

  /** Resolves when there may be room on a warm lane, or after `ms`. */
  room(mail: Pick<Mail, 'stream'>, ms: number, waited: boolean): Promise<void> {
    return this.#roomOf(mail).wait(ms, waited);
  }

  #roomOf({ stream }: Pick<Mail, 'stream'>): WaitingRoom {
    return this.#rooms[stream === 'transactional' ? stream : 'marketing'];
  }

  /** Lets in as much mail that waits for room as there is room. */
  #letIn(): void {
    if (this.#warm.any) return;
    for (const stream of ['transactional', 'marketing'] as const) {
      const room = this.#rooms[stream];
      if (!room.empty)
        room.letIn(sum(this.#sendable.last, (one) => (one.picky ? 0 : one.slots.free(stream, one.cold))));
    }
  }

  #retryDue(): void {
    this.#retriesDue();
    // Mail that was freed with a delay belongs to no lane: a look finds its flow.
    this.#lookAt = Math.min(this.#lookAt, clock.now() + LOOK_MS / 4);
    this.wake();
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
    const lanes = this.#sendable.lanes(now);
    const next = nextUnit(lanes, now, LOOK_MS);
    const able = lanes.filter((one) => one.slots.free('transactional', one.cold) > 0 && one.units.mayHave(now));
    if (able.length === 0) return next;
    const picky = able.some((one) => one.picky);
    const retries = able.some((one) => hasKept(one) && this.#kept.mayHave(one.lane.address));
    const rest = Math.max(1, Math.min(next, this.#lookAt - now));
    if (!retries && !(picky && this.#cold.any) && !(this.#warm.any && able.some((one) => !one.picky))) return rest;
    const { claimed: found, messages } = await this.#claim(able, now);
    const left = new Set(messages);
    if (left.size === 0) {
      // What was found went elsewhere, or ended: more may be behind it.
      this.#again ||= found.length > 0;
      return rest;
    }
    const claimed = left.size;
    try {
      await this.#assignment.assign(left, able, now);
    } finally {
      if (left.size > 0) await this.#handBack([...left], able, now);
    }
    if (left.size === claimed) return nextUnit(lanes, now, LOOK_MS);
    this.#again = true;
    return LOOK_MS;
  }

  /** Finds what others queued, and begins everywhere at the start again. */
  async #look(): Promise<void> {
    const { claims } = this.#parts;
    const began = clock.now();
    // Mail passed over because it was held is behind the cursors.
    const holds = JSON.stringify([this.#held(true, began), this.#held(false, began)]);
    if (began < this.#lookAt && holds === this.#holdsSeen) return;
    this.#holdsSeen = holds;
    const found = await claims.flows(this.#pool, this.#provider, FLOWS_LOOKED);
    this.#cold.looked(found);
    this.#warm.looked(found);
    this.#kept.restart();
    this.#retriesDue();
    this.#lookAt = clock.now() + Math.max(LOOK_MS, (clock.now() - began) / LOOK_SHARE);
  }

  async #claim(able: readonly Able[], now: number): Promise<ClaimedMail> {
    const { claims } = this.#parts;
    const cold = able.filter((one) => one.picky);
    const warm = able.filter((one) => !one.picky);
    const [first, ...others] = cold.map((one) => this.#assignment.sated(one));
    const sated = (first ?? []).filter((tenant) => others.every((one) => one.includes(tenant)));
    const mostCold = sum(cold, atMost);
    const mostWarm = sum(warm, (one) => one.slots.free('transactional', one.cold));
    const coldFlows = this.#cold.next({ marketing: mostCold, transactional: 0 }, sated);
    const marketing = sum(warm, (one) => one.slots.free('marketing', one.cold));
    const warmFlows = this.#warm.next({ marketing, transactional: mostWarm });
    this.#passes += 1;
    const newFirst = warmFlows.length > 0 && this.#passes % NEW_FIRST === 0;
    const began = clock.now();
    const mail = await claims.claim({
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
        after: this.#kept.after(one.lane.address),
      })),
      cold: {
        most: mostCold,
        flows: coldFlows,
        segments: [...new Set(cold.flatMap((one) => admitted(one.lane.segment)))],
        held: this.#parts.easing.without(this.#held(true, now), cold, now),
      },
      warm: {
        most: mostWarm,
        flows: warmFlows,
        held: this.#parts.easing.without(this.#held(false, now), able, now),
        leave: this.#sendable.leave,
      },
    });
    // Slow because of what it stepped over: that is what looks bring back, so they become seldom.
    const took = clock.now() - began;
    if (took > 50) this.#lookAt = Math.max(this.#lookAt, clock.now() + took / LOOK_SHARE);
    this.#learn(mail.claimed, { able, coldFlows, warmFlows, mostCold, mostWarm, newFirst });
    return mail;
  }

  /** Mail this process leaves alone: what is held, and what it has no route for while another process may have one. */
  #held(cold: boolean, now: number): HeldMail {
    const held = this.#parts.lease.held(this.#pool, cold, now);
    const silent = this.#parts.silent();
    return silent.length === 0 ? held : { ...held, domains: [...held.domains, ...silent] };
  }

  #learn(rows: readonly Taken[], asked: Asked): void {
    const of = (chosen: Taken['chosen']) => rows.filter((row) => row.chosen === chosen);
    const kept = of('kept');
    this.#cold.claimed(asked.coldFlows, of('cold'), of('cold').length + kept.length < asked.mostCold);
    this.#warm.claimed(asked.warmFlows, of('warm'), of('warm').length + kept.length < asked.mostWarm);
    if (!this.#warm.any) this.#behindSince = Number.POSITIVE_INFINITY;
    this.#letIn();
    for (const row of kept) this.#kept.claimed(row);
    for (const one of asked.able) {
      const passedOver = asked.newFirst && !one.picky;
      const had = kept.some((row) => row.address === one.lane.address);
      if (!passedOver && !had) this.#kept.empty(one.lane.address);
    }
  }

  #retriesDue(): void {
    this.#kept.due(
      this.#parts.lanes().map(({ lane }) => lane.address),
      clock.now(),
    );
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
    // What the hosts said, not only that they rest: it is what a person needs to know.
    const said = (message: Claimed) =>
      able.map((one) => one.sender.siteWhy(message.domain)).find((one) => one !== null) ?? 'its MX hosts do not answer';
    for (const [words, of] of Map.groupBy(resting, said))
      await claims.handBack(ids(of), words, Math.min(...of.map(rests)));
  }

  #returned(message: Taken): void {
    if (message.chosen === 'kept') this.#kept.returned(message.address, clock.now());
    else for (const flows of [this.#cold, this.#warm]) flows.putBack(message, message.position);
  }
}

interface Asked {
  readonly coldFlows: readonly FlowQuery[];
  readonly warmFlows: readonly FlowQuery[];
  readonly mostCold: number;
  readonly mostWarm: number;
  readonly newFirst: boolean;
  readonly able: readonly Able[];
}

function atMost(one: Able): number {
  const free = one.slots.free('transactional', one.cold);
  return one.cold ? Math.min(free, PACED_AT_ONCE) : free;
}

function owns(one: Able, message: Claimed): boolean {
  return message.address === null || message.address === one.lane.address;
}

function sum<T>(list: readonly T[], count: (one: T) => number): number {
  return list.reduce((all, one) => all + count(one), 0);
}
