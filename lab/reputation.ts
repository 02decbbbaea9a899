/**
 * What one provider thinks of one sender (a source address, or a domain). Three things make it up:
 *
 * - the level: recipients a day it is known for, a slow average of past days. It follows growth faster than decline, so
 *   that a sender who pauses for a day is not taken for a stranger.
 * - the allowance: recipients in any 24 h it may reach now, 3 × the level or the provider's free volume. A ramp that
 *   doubles every day stays below it (the level then trails at 0.75 of yesterday, so today is 2.7 levels); a jump does not.
 * - the damage, 0..1: grows by pushing against the allowance, by dead addresses and by complaints; shrinks on clean days.
 *   From 0.3 mail goes to junk and the allowance halves, from 0.6 the sender is blocked.
 *
 * The figures are the lab's own: providers publish none. They are chosen so that a careful ramp is never punished and a
 * careless one always is, within days.
 */
import type { PlanInstant } from './clock.ts';
import { RollingCount } from './rolling-count.ts';

export type Standing = 'good' | 'junk' | 'blocked';

const JUNK_DAMAGE = 0.3;
const BLOCK_DAMAGE = 0.6;
const GROWTH_WEIGHT = 0.6;
const DECLINE_WEIGHT = 0.2;
const ALLOWED_JUMP = 3;
const BURST_FLOOR = 30;
const CLEAN_DAY_HARM = 0.02;
const CLEAN_DAY_FACTOR = 0.7;
const EXCESS_HARM = 0.5;
const KNOCK_HARM = 0.0005;
const DEAD_HARM = 3;
const DEAD_SHARE = 0.05;
const DEAD_MIN = 5;
const COMPLAINT_HARM = 10;
const COMPLAINT_SHARE = 0.003;
const COMPLAINT_MIN = 2;

export class Reputation {
  /** Known to the provider from before the world began. */
  readonly established: boolean;
  /** Recipients a day it was known for when the world began. */
  readonly knownLevel: number;
  readonly #freeDailyVolume: number;
  readonly #volume = new RollingCount();
  readonly #dead = new RollingCount();
  readonly #complaints = new RollingCount();
  #level: number;
  #damage = 0;
  #day = 0;
  #volumeToday = 0;
  #harmToday = 0;
  #harmDone = 0;

  /** `freeDailyVolume`: recipients in 24 h anybody may reach (Infinity: no limit). `level`: recipients a day, if known. */
  constructor(options: { freeDailyVolume: number; level?: number }) {
    this.#freeDailyVolume = options.freeDailyVolume;
    this.knownLevel = options.level ?? 0;
    this.#level = this.knownLevel;
    this.established = options.level !== undefined;
  }

  get standing(): Standing {
    if (this.#damage >= BLOCK_DAMAGE) return 'blocked';
    return this.#damage >= JUNK_DAMAGE ? 'junk' : 'good';
  }

  /** 0 (worst) to 100. */
  get score(): number {
    return Math.round((1 - this.#damage) * 100);
  }

  get level(): number {
    return this.#level;
  }

  /** Recipients in 24 h it may reach today. */
  get allowance(): number {
    const full = Math.max(this.#freeDailyVolume, ALLOWED_JUMP * this.#level);
    return this.standing === 'good' ? full : full / 2;
  }

  volume24h(at: PlanInstant): number {
    return this.#volume.lastDay(at.hours);
  }

  /** Recipients reached, or found dead, since the day of the world began. */
  volumeToday(at: PlanInstant): number {
    this.rollTo(at.day);
    return this.#volumeToday;
  }

  /** Why one more recipient now would be too many; null if it would not. */
  excess(at: PlanInstant): 'volume' | 'burst' | null {
    this.rollTo(at.day);
    if (this.#volume.lastDay(at.hours) + 1 > this.allowance) return 'volume';
    return this.#volume.lastHour(at.hours) + 1 > Math.max(BURST_FLOOR, this.allowance / 3) ? 'burst' : null;
  }

  recordAccepted(at: PlanInstant): void {
    this.rollTo(at.day);
    this.#volume.add(at.hours);
    this.#volumeToday += 1;
  }

  recordDead(at: PlanInstant): void {
    this.recordAccepted(at);
    this.#dead.add(at.hours);
    const volume = this.#volume.lastDay(at.hours);
    if (this.#dead.lastDay(at.hours) > Math.max(DEAD_MIN, DEAD_SHARE * volume)) {
      this.#harm(DEAD_HARM / Math.max(50, volume));
    }
  }

  recordComplaint(at: PlanInstant): void {
    this.rollTo(at.day);
    this.#complaints.add(at.hours);
    const volume = this.#volume.lastDay(at.hours);
    if (this.#complaints.lastDay(at.hours) > Math.max(COMPLAINT_MIN, COMPLAINT_SHARE * volume)) {
      this.#harm(COMPLAINT_HARM / Math.max(200, volume));
    }
  }

  /** An attempt over the allowance: asking for as much again as is allowed costs half of all reputation. */
  recordExcess(at: PlanInstant): void {
    this.rollTo(at.day);
    this.#harm(EXCESS_HARM / Math.max(50, this.allowance));
  }

  /** An attempt while blocked. Hammering keeps a sender blocked; one try an hour does not. */
  recordKnock(at: PlanInstant): void {
    this.rollTo(at.day);
    this.#harm(KNOCK_HARM);
  }

  /** A share of what somebody else did, 0..1. */
  recordForeignHarm(at: PlanInstant, amount: number): void {
    this.rollTo(at.day);
    if (amount > 0) this.#harm(amount);
  }

  /** Keeps the damage at `damage` or more for today: somebody else sees to it. */
  sufferAtLeast(at: PlanInstant, damage: number): void {
    this.rollTo(at.day);
    this.#harm(Math.max(0, damage - this.#damage));
    this.#harmToday = Math.max(this.#harmToday, CLEAN_DAY_HARM);
  }

  /** All damage ever done, healed or not. */
  get harmDone(): number {
    return this.#harmDone;
  }

  /** Ends all days before `day`: the level learns from each, the damage heals on clean ones. */
  rollTo(day: number): void {
    for (; this.#day < day; this.#day++) {
      this.#level = nextLevel(this.#level, this.#volumeToday);
      if (this.#harmToday < CLEAN_DAY_HARM) this.#damage *= CLEAN_DAY_FACTOR;
      this.#volumeToday = 0;
      this.#harmToday = 0;
    }
  }

  #harm(amount: number): void {
    this.#damage = Math.min(1, this.#damage + amount);
    this.#harmToday += amount;
    this.#harmDone += amount;
  }
}

function nextLevel(level: number, volume: number): number {
  if (level === 0) return volume;
  return level + (volume - level) * (volume > level ? GROWTH_WEIGHT : DECLINE_WEIGHT);
}
