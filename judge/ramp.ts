/**
 * One address warming up in a world under a rule, hour by hour: the closed loop, in which what the rule allows decides what
 * is sent, and what is sent decides what the rule sees.
 *
 * A day's ceiling is sent evenly over 24 hours. A stop takes its lanes some stages back and keeps them there for two clean
 * days (policy/defaults.ts); a suspended campaign is not sent any more, and its lanes stay where they are.
 */
import { DEFAULTS } from '../policy/defaults.ts';
import { METRICS } from './metrics.ts';
import { Nature } from './nature.ts';
import { Random } from './random.ts';
import type { Hour, Rule, Stop } from './rule.ts';
import type { World } from './world.ts';

/** Ceilings of each lane, messages a day by stage. */
export type Ceilings = readonly (readonly number[])[];

export interface Happened {
  /** Hour at whose end the rule spoke. */
  readonly hour: number;
  readonly stop: Stop;
}

export class Ramp {
  readonly stage: Int32Array;
  /** Day at whose end the lane had done its last stage; 0: not yet. */
  readonly finished: Int32Array;
  readonly stops: Happened[] = [];
  /** Messages sent and events so far (complaints last: they come late). */
  sent = 0;
  readonly events = new Float64Array(METRICS.length);
  /** Mail of the hour that was last played, by lane. */
  readonly mail: Int32Array;
  hour = 0;
  readonly rule: Rule;

  readonly #ceilings: Ceilings;
  readonly #today: Int32Array;
  readonly #coolDown: Int32Array;
  readonly #sentToday: Int32Array;
  readonly #sentInStage: Float64Array;
  #suspended = 0;
  #nature: Nature;

  constructor(ceilings: Ceilings, world: World, rule: Rule, random: Random) {
    const lanes = ceilings.length;
    this.rule = rule;
    this.#ceilings = ceilings;
    this.#nature = new Nature(world, random);
    this.stage = new Int32Array(lanes);
    this.finished = new Int32Array(lanes);
    this.mail = new Int32Array(lanes);
    this.#today = new Int32Array(lanes);
    this.#coolDown = new Int32Array(lanes);
    this.#sentToday = new Int32Array(lanes);
    this.#sentInStage = new Float64Array(lanes);
  }

  /** The same ramp, from here on in another world. */
  fork(world: World): Ramp {
    const copy = new Ramp(this.#ceilings, world, this.rule.clone(), FORKED);
    copy.#nature = this.#nature.fork(world, this.hour);
    for (const key of ['stage', 'finished', 'mail', 'events'] as const) copy[key].set(this[key] as never);
    copy.#today.set(this.#today);
    copy.#coolDown.set(this.#coolDown);
    copy.#sentToday.set(this.#sentToday);
    copy.#sentInStage.set(this.#sentInStage);
    copy.#suspended = this.#suspended;
    copy.stops.push(...this.stops);
    copy.sent = this.sent;
    copy.hour = this.hour;
    return copy;
  }

  get done(): boolean {
    return this.finished.every((day) => day > 0);
  }

  /** Plays one hour; returns what the rule stopped. */
  next(): readonly Stop[] {
    const { hour } = this;
    const nature = this.#nature;
    if (hour % 24 === 0) this.#beginDay();
    const perDay = nature.world.campaignsPerDay;
    const campaign = 1 + Math.floor((hour * perDay) / 24);
    this.#send(hour % 24, campaign);
    nature.hour(hour, this.mail);
    this.#count(nature);
    const day = 1 + Math.floor(hour / 24);
    const seen: Hour = {
      hour,
      day,
      campaign,
      campaignsPerDay: perDay,
      sent: this.mail,
      events: nature.events,
      reports: nature.reports,
    };
    const stops = this.rule.observe(seen);
    for (const stop of stops) this.#stop(stop);
    if (hour % 24 === 23) this.#endDay(day);
    this.hour = hour + 1;
    return stops;
  }

  #beginDay(): void {
    this.#sentToday.fill(0);
    const { demand } = this.#nature.world;
    for (let lane = 0; lane < this.stage.length; lane++) {
      this.#today[lane] = Math.round((this.#ceiling(lane, this.stage[lane] ?? 0) ?? 0) * demand);
    }
  }

  #ceiling(lane: number, stage: number): number | undefined {
    return this.#ceilings[lane]?.[stage];
  }

  #send(hourOfDay: number, campaign: number): void {
    for (let lane = 0; lane < this.mail.length; lane++) {
      const today = this.#today[lane] ?? 0;
      const due = Math.floor((today * (hourOfDay + 1)) / 24) - Math.floor((today * hourOfDay) / 24);
      const messages = campaign === this.#suspended ? 0 : due;
      this.mail[lane] = messages;
      this.#sentToday[lane] = (this.#sentToday[lane] ?? 0) + messages;
      this.sent += messages;
    }
  }

  #count(nature: Nature): void {
    const lanes = this.mail.length;
    for (let metric = 1; metric < METRICS.length; metric++) {
      for (let lane = 0; lane < lanes; lane++)
        this.events[metric] = (this.events[metric] ?? 0) + (nature.events[metric * lanes + lane] ?? 0);
    }
    for (const { count } of nature.reports) this.events[0] = (this.events[0] ?? 0) + count;
  }

  #stop(stop: Stop): void {
    this.stops.push({ hour: this.hour, stop });
    if (stop.campaign !== undefined) {
      this.#suspended = stop.campaign;
      return;
    }
    this.rule.retreated(stop.lanes);
    for (const lane of stop.lanes) {
      const back = Math.max(0, (this.stage[lane] ?? 0) - stop.steps);
      this.stage[lane] = back;
      this.#sentInStage[lane] = 0;
      this.#today[lane] = Math.min(this.#today[lane] ?? 0, this.#ceiling(lane, back) ?? 0);
      // The rest of this day is no clean day yet.
      this.#coolDown[lane] = DEFAULTS.coolDownEvaluations + 1;
    }
  }

  #endDay(day: number): void {
    for (let lane = 0; lane < this.stage.length; lane++) {
      const sent = this.#sentToday[lane] ?? 0;
      const stageSent = (this.#sentInStage[lane] ?? 0) + sent;
      this.#sentInStage[lane] = stageSent;
      const cooling = this.#coolDown[lane] ?? 0;
      if (cooling > 0) {
        this.#coolDown[lane] = cooling - 1;
        continue;
      }
      const stage = this.stage[lane] ?? 0;
      const ceiling = this.#ceiling(lane, stage) ?? 1;
      const nextCeiling = this.#ceiling(lane, stage + 1) ?? ceiling;
      const used = sent / ceiling;
      if (!this.rule.mayAdvance({ lane, nextCeiling, used, ceiling, sent, stageSent })) continue;
      this.#sentInStage[lane] = 0;
      if (this.#ceiling(lane, stage + 1) !== undefined) this.stage[lane] = stage + 1;
      else if (this.finished[lane] === 0) this.finished[lane] = day;
    }
  }
}

/** A fork brings its own nature along: this stream is never drawn from. */
const FORKED = new Random(0);
