/**
 * A world at work: mail goes in by the hour, bounces and reports come out. Nothing here knows of rules or plans.
 *
 * Counts are Poisson with mean rate × factor × mail, never more than the mail (reports excepted: they may belong to
 * earlier mail). The factor of a campaign (of a provider's six hours, for deferrals and blocks) is gamma with mean 1. A
 * complaint arrives after an exponential delay: thinning a Poisson count in time leaves independent Poisson counts, so
 * that the complaints of each hour are drawn by themselves, from the risk that is still out.
 */
import { COMPLAINT, FOLLOWS_CAMPAIGN, METRICS, MOOD_HOURS } from './metrics.ts';
import type { Random } from './random.ts';
import { campaignFactor, poisson } from './sampling.ts';
import type { World } from './world.ts';

/** Campaigns whose complaints may still come. Older ones are forgotten: with two a day, after ten days. */
const OPEN = 20;

/** Complaints that arrived in an hour. */
export interface Report {
  readonly lane: number;
  readonly campaign: number;
  readonly count: number;
}

export class Nature {
  readonly world: World;
  readonly lanes: number;
  /** Campaign of the present hour, counted from 1. */
  campaign = 1;
  /** Events of the last hour, metric × lane; complaints are in `reports`. */
  readonly events: Int32Array;
  reports: Report[] = [];

  readonly #random: Random;
  readonly #rates: Float64Array;
  readonly #campaignFactors = new Float64Array(METRICS.length).fill(1);
  readonly #moods: Float64Array;
  /** Complaints still to come, lane × open campaign, as a mean. */
  readonly #risk: Float64Array;
  readonly #arriving: number;
  readonly #campaignHours: number;

  constructor(world: World, random: Random) {
    this.world = world;
    this.lanes = world.lanes.length;
    this.#random = random;
    this.#rates = new Float64Array(METRICS.length * this.lanes);
    this.#moods = new Float64Array(METRICS.length * this.lanes).fill(1);
    this.#risk = new Float64Array(OPEN * this.lanes);
    this.events = new Int32Array(METRICS.length * this.lanes);
    this.#arriving = 1 - Math.exp(-1 / world.complaintDelayHours);
    this.#campaignHours = 24 / world.campaignsPerDay;
  }

  /** The same history, going on at `hour` in a world that has been the same until then. */
  fork(world: World, hour: number): Nature {
    const copy = new Nature(world, this.#random.clone());
    copy.campaign = this.campaign;
    copy.#campaignFactors.set(this.#campaignFactors);
    copy.#moods.set(this.#moods);
    copy.#risk.set(this.#risk);
    copy.#setRates(1 + Math.floor(hour / 24));
    return copy;
  }

  /** Sends `sent[lane]` messages in an hour (counted from 0); afterwards `events` and `reports` say what came of it. */
  hour(hour: number, sent: Int32Array): void {
    this.#turn(hour);
    for (let metric = COMPLAINT + 1; metric < METRICS.length; metric++) this.#answers(metric, sent);
    this.#complain(sent);
  }

  #turn(hour: number): void {
    const { world } = this;
    if (hour % this.#campaignHours === 0) {
      this.campaign = 1 + hour / this.#campaignHours;
      METRICS.forEach((metric, index) => {
        if (FOLLOWS_CAMPAIGN[metric]) this.#campaignFactors[index] = campaignFactor(this.#random, world.cv);
      });
      const slot = this.campaign % OPEN;
      for (let lane = 0; lane < this.lanes; lane++) this.#risk[slot * this.lanes + lane] = 0;
    }
    if (hour % MOOD_HOURS === 0) {
      METRICS.forEach((metric, index) => {
        if (FOLLOWS_CAMPAIGN[metric]) return;
        for (let lane = 0; lane < this.lanes; lane++)
          this.#moods[index * this.lanes + lane] = campaignFactor(this.#random, world.cv);
      });
    }
    if (hour % 24 === 0) this.#setRates(1 + Math.floor(hour / 24));
  }

  #setRates(day: number): void {
    const { world, lanes } = this;
    METRICS.forEach((metric, index) => {
      this.#rates.fill(world.rates[metric], index * lanes, (index + 1) * lanes);
    });
    for (const event of world.events) {
      if (day < event.fromDay || day > (event.untilDay ?? Number.POSITIVE_INFINITY)) continue;
      const at = METRICS.indexOf(event.metric) * lanes;
      world.lanes.forEach(({ provider }, lane) => {
        if (event.lanes !== 'all' && !event.lanes.includes(provider)) return;
        const usual = this.#rates[at + lane] ?? 0;
        this.#rates[at + lane] = Math.min(1, event.rate ?? usual * (event.factor ?? 1));
      });
    }
  }

  #answers(metric: number, sent: Int32Array): void {
    const factor = this.#campaignFactors[metric] ?? 1;
    for (let lane = 0; lane < this.lanes; lane++) {
      const at = metric * this.lanes + lane;
      const messages = sent[lane] ?? 0;
      const mean = messages * (this.#rates[at] ?? 0) * factor * (this.#moods[at] ?? 1);
      this.events[at] = mean > 0 ? Math.min(messages, poisson(this.#random, mean)) : 0;
    }
  }

  #complain(sent: Int32Array): void {
    const { lanes } = this;
    const factor = this.#campaignFactors[COMPLAINT] ?? 1;
    const now = (this.campaign % OPEN) * lanes;
    this.reports = [];
    for (let lane = 0; lane < lanes; lane++) {
      this.#risk[now + lane] = (this.#risk[now + lane] ?? 0) + (sent[lane] ?? 0) * (this.#rates[lane] ?? 0) * factor;
      if (this.world.lanes[lane]?.feedback === false) continue;
      let total = 0;
      for (let slot = 0; slot < OPEN; slot++) total += this.#risk[slot * lanes + lane] ?? 0;
      const count = poisson(this.#random, total * this.#arriving);
      for (let i = 0; i < count; i++) this.#report(lane, total);
    }
    const left = 1 - this.#arriving;
    for (let at = 0; at < this.#risk.length; at++) this.#risk[at] = (this.#risk[at] ?? 0) * left;
  }

  /** One complaint, of the campaign that chance says. */
  #report(lane: number, total: number): void {
    let at = this.#random.uniform() * total;
    for (let back = 0; back < Math.min(OPEN, this.campaign); back++) {
      const campaign = this.campaign - back;
      at -= this.#risk[(campaign % OPEN) * this.lanes + lane] ?? 0;
      if (at < 0) {
        this.reports.push({ lane, campaign, count: 1 });
        return;
      }
    }
  }
}
