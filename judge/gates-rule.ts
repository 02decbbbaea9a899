/**
 * The shipped gates as a rule: nothing here decides, it only carries a simulated hour to policy/gates and the answer back.
 * Every lane has a detector a metric, the address one a metric over the lanes that report. A lane goes by its provider's
 * gates; what is summed over the address is counted by those of all, and stops a lane at the height that lane has for it.
 */
import { type AdvanceBy, volumeMissing } from '../policy/advance.ts';
import { mayAdvance } from '../policy/gates/advance.ts';
import {
  type Arrival,
  advanceHour,
  blamedCampaign,
  CAMPAIGN_BREAKER,
  type Cohort,
  campaignRatio,
  type Detector,
  newDetector,
  oneLaneSupplies,
  resetDetector,
} from '../policy/gates/cusum.ts';
import { LEVELS, type Level } from '../policy/gates/levels.ts';
import { acts, type Gates } from '../policy/gates/settings.ts';
import { COMPLAINT, METRICS, type SimulatedMetric } from './metrics.ts';
import type { AdvanceQuestion, Hour, Rule, Stop } from './rule.ts';

/** What a rule that never stops saw at most: from it follows how often any height would have stopped. */
export interface Heights {
  /** Highest sum, metric × (lanes' highest, address). */
  readonly lane: Float64Array;
  readonly address: Float64Array;
}

export interface GatesOptions {
  /** Of each lane, where its provider may have gates of its own. Absent: all lanes have the same. */
  readonly lanes?: readonly Gates[] | undefined;
  /** How much mail a stage needs, as the plan says; absent: as a gated one. */
  readonly advance?: AdvanceBy | undefined;
  /** Look and never stop: for calibration. */
  readonly blind?: boolean;
}

export class GatesRule implements Rule {
  readonly heights: Heights = {
    lane: new Float64Array(METRICS.length),
    address: new Float64Array(METRICS.length),
  };
  readonly #gates: Gates;
  readonly #levels: readonly Level[];
  /** By lane: its gates, and its level of each metric. */
  readonly #own: readonly Gates[];
  readonly #ownLevels: readonly (readonly Level[])[];
  /** By metric: the lowest height at which the sum over the address stops any lane. */
  readonly #lowest: readonly number[];
  readonly #feeds: readonly boolean[];
  readonly #blind: boolean;
  readonly #advance: AdvanceBy | null;
  /** metric × lane, then metric. */
  #lanes: Detector[];
  #address: Detector[];
  /** The campaign of the last retreat: reports about it, and about older ones, no longer count. By lane. */
  readonly #lanesSince: Int32Array;
  #addressSince = 0;
  #campaign = 0;
  /** The campaign that was suspended last: it is not suspended twice. */
  #suspended = 0;
  /** Good days in a row of each lane's stage, where its gates ask for more than one. */
  readonly #clean: Int32Array;
  /** Messages and hard bounces of the present campaign, at all lanes. */
  #campaignSent = 0;
  #campaignBounces = 0;

  /** `feeds`: which lanes report complaints. */
  constructor(gates: Gates, feeds: readonly boolean[], options: GatesOptions = {}) {
    this.#gates = gates;
    this.#levels = METRICS.map((metric) => gates.levels[metric]);
    this.#own = feeds.map((_, lane) => options.lanes?.[lane] ?? gates);
    this.#ownLevels = this.#own.map((own) => METRICS.map((metric) => own.levels[metric]));
    this.#lowest = METRICS.map((_, metric) => Math.min(...this.#ownLevels.map((of) => of[metric]?.address ?? 0)));
    this.#clean = new Int32Array(feeds.length);
    this.#feeds = feeds;
    this.#blind = options.blind === true;
    this.#advance = options.advance ?? null;
    this.#lanes = METRICS.flatMap(() => feeds.map(() => newDetector()));
    this.#address = METRICS.map(() => newDetector());
    this.#lanesSince = new Int32Array(feeds.length);
  }

  observe(hour: Hour): readonly Stop[] {
    if (hour.campaign !== this.#campaign) [this.#campaignSent, this.#campaignBounces] = [0, 0];
    this.#campaign = hour.campaign;
    const stops = this.#levels.flatMap((level, metric) => {
      const late = metric === COMPLAINT ? this.#complaints(hour) : this.#answers(metric, level, hour);
      const pooled = this.#address[metric] as Detector;
      advanceHour(pooled, level, late);
      if (pooled.w > (this.heights.address[metric] ?? 0)) this.heights.address[metric] = pooled.w;
      return this.#blind ? NOTHING : this.#stops(metric);
    });
    return this.#blind ? NOTHING : [...this.#breaker(hour), ...stops];
  }

  /**
   * Dead addresses are a campaign's own: it is suspended everywhere, long before a sum is reached, and by the shipped levels
   * whatever a plan says (activities/watch.ts).
   */
  #breaker(hour: Hour): readonly Stop[] {
    const lanes = this.#feeds.length;
    for (let lane = 0; lane < lanes; lane++) {
      this.#campaignSent += hour.sent[lane] ?? 0;
      this.#campaignBounces += hour.events[BOUNCE * lanes + lane] ?? 0;
    }
    const ratio = campaignRatio(this.#campaignBounces, this.#campaignSent, LEVELS['hard-bounce']);
    return ratio < CAMPAIGN_BREAKER ? NOTHING : this.#suspend(BOUNCE, hour.campaign);
  }

  #suspend(metric: number, campaign: number): readonly Stop[] {
    if (campaign === this.#suspended) return NOTHING;
    this.#suspended = campaign;
    return [{ scope: 'campaign', metric: METRICS[metric] ?? '', lanes: ALL(this.#feeds.length), campaign, steps: 0 }];
  }

  /** Feeds the lanes' detectors of a metric that comes with the answer; returns what the address saw. */
  #answers(metric: number, level: Level, hour: Hour): readonly Arrival[] {
    const lanes = this.#feeds.length;
    const cohort = level.byCampaign
      ? { campaign: hour.campaign, day: hour.day, part: 0 }
      : { campaign: 0, day: hour.day, part: Math.floor((hour.hour % 24) / 6) };
    let [trials, events] = [0, 0];
    for (let lane = 0; lane < lanes; lane++) {
      const sent = hour.sent[lane] ?? 0;
      const failed = hour.events[metric * lanes + lane] ?? 0;
      trials += sent;
      events += failed;
      this.#feed(metric, lane, sent > 0 ? [{ ...cohort, trials: sent, events: failed }] : NONE);
    }
    return trials > 0 ? [{ ...cohort, trials, events }] : NONE;
  }

  /** The same for complaints: they are about mail of other hours. */
  #complaints(hour: Hour): readonly Arrival[] {
    const pooled: Arrival[] = [];
    let trials = 0;
    const { campaign, day, campaignsPerDay } = hour;
    for (let lane = 0; lane < this.#feeds.length; lane++) {
      if (!this.#feeds[lane]) continue;
      const sent = hour.sent[lane] ?? 0;
      const since = this.#lanesSince[lane] ?? 0;
      const arrivals: Arrival[] = [];
      if (sent > 0 && campaign > since) arrivals.push({ campaign, day, part: 0, trials: sent, events: 0 });
      for (const report of hour.reports) {
        if (report.lane !== lane) continue;
        const sentOn = 1 + Math.floor((report.campaign - 1) / campaignsPerDay);
        const arrival = { campaign: report.campaign, day: sentOn, part: 0, trials: 0, events: report.count };
        if (report.campaign > since) arrivals.push(arrival);
        if (report.campaign > this.#addressSince) pooled.push(arrival);
      }
      if (campaign > this.#addressSince) trials += sent;
      this.#feed(COMPLAINT, lane, arrivals);
    }
    if (trials > 0) pooled.unshift({ campaign, day, part: 0, trials, events: 0 });
    return pooled;
  }

  #feed(metric: number, lane: number, arrivals: readonly Arrival[]): void {
    const detector = this.#lanes[metric * this.#feeds.length + lane] as Detector;
    advanceHour(detector, this.#level(lane, metric), arrivals);
    if (detector.w > (this.heights.lane[metric] ?? 0)) this.heights.lane[metric] = detector.w;
  }

  #level(lane: number, metric: number): Level {
    return this.#ownLevels[lane]?.[metric] as Level;
  }

  #stops(metric: number): readonly Stop[] {
    const lanes = this.#feeds.length;
    const pooled = this.#address[metric] as Detector;
    // Most hours end here: simulations ask hundreds of millions of times.
    const over = pooled.w >= (this.#lowest[metric] ?? 0) ? this.#over(metric, pooled) : NO_LANES;
    const stops = over.length === 0 ? [] : [...this.#stop('address', metric, over, pooled)];
    const stopped = stops.reduce((sum, one) => sum + (one.scope === 'address' ? one.lanes.length : 0), 0);
    // Those it stopped have answered it; all lanes together forget it in `retreated`.
    if (stopped > 0 && stops.every((one) => one.lanes.length < lanes)) this.#answered(metric);
    if (over.length === lanes) return stops;
    for (let lane = 0; lane < lanes; lane++) {
      const detector = this.#lanes[metric * lanes + lane] as Detector;
      if (over.includes(lane) || detector.w < this.#level(lane, metric).lane) continue;
      stops.push(...this.#stop('lane', metric, [lane], detector));
    }
    return stops;
  }

  /**
   * Lanes that the sum over the address stops: those with a part in what is wrong. What comes with the mail is held on its
   * pool, and what several providers say of the address on the address (activities/alarms.ts): all lanes.
   */
  #over(metric: number, pooled: Detector): readonly number[] {
    const lanes = this.#feeds.length;
    const own = (lane: number) => (this.#lanes[metric * lanes + lane] as Detector).w;
    const over = ALL(lanes).filter((lane) => pooled.w >= this.#level(lane, metric).address);
    const all = this.#levels[metric]?.byCampaign || !oneLaneSupplies(ALL(lanes).map(own));
    return all ? over : over.filter((lane) => own(lane) > 0);
  }

  #answered(metric: number): void {
    resetDetector(this.#address[metric] as Detector);
    if (metric === COMPLAINT) this.#addressSince = this.#campaign;
  }

  /** A sum that one campaign supplied stops the campaign; else the metric's own action says what happens. */
  #stop(scope: 'lane' | 'address', metric: number, lanes: readonly number[], detector: Detector): readonly Stop[] {
    const blamed = this.#levels[metric]?.byCampaign ? blamedCampaign(detector) : null;
    if (blamed !== null) return this.#suspend(metric, blamed.campaign);
    const name = METRICS[metric] as SimulatedMetric;
    const by = new Map<number, number[]>();
    for (const lane of lanes) {
      const setting = (this.#own[lane] ?? this.#gates).metrics[name];
      // A hold goes on sending: its sum keeps the lanes from advancing, and nothing stops.
      if (!acts(setting) || setting.action === 'hold') continue;
      by.set(setting.steps, [...(by.get(setting.steps) ?? []), lane]);
    }
    return [...by].map(([steps, stopped]) => ({ scope, metric: name, lanes: stopped, steps }));
  }

  mayAdvance({ lane, nextCeiling, ceiling, sent, stageSent }: AdvanceQuestion): boolean {
    if (volumeMissing(this.#advance, ceiling, { sent, expected: ceiling, stageSent }) !== null) return false;
    const lanes = this.#feeds.length;
    const { metrics, consecutiveGood } = this.#own[lane] ?? this.#gates;
    const passes = METRICS.every((name, metric) => {
      // What is only looked at holds nobody either.
      if ((metric === COMPLAINT && !this.#feeds[lane]) || !acts(metrics[name])) return true;
      return mayAdvance(
        this.#lanes[metric * lanes + lane] as Detector,
        this.#address[metric] as Detector,
        this.#level(lane, metric),
        nextCeiling,
      );
    });
    if (!passes) return false;
    const clean = (this.#clean[lane] ?? 0) + 1;
    // A new stage has to be good anew.
    this.#clean[lane] = clean < consecutiveGood ? clean : 0;
    return clean >= consecutiveGood;
  }

  retreated(lanes: readonly number[]): void {
    const count = this.#feeds.length;
    for (let metric = 0; metric < METRICS.length; metric++) {
      for (const lane of lanes) resetDetector(this.#lanes[metric * count + lane] as Detector);
      if (lanes.length === count) resetDetector(this.#address[metric] as Detector);
    }
    for (const lane of lanes) {
      this.#lanesSince[lane] = this.#campaign;
      this.#clean[lane] = 0;
    }
    if (lanes.length === count) this.#addressSince = this.#campaign;
  }

  clone(): GatesRule {
    const copy = new GatesRule(this.#gates, this.#feeds, {
      ...{ blind: this.#blind, lanes: this.#own },
      advance: this.#advance ?? undefined,
    });
    copy.#clean.set(this.#clean);
    copy.#lanes = this.#lanes.map(copyOf);
    copy.#address = this.#address.map(copyOf);
    copy.#lanesSince.set(this.#lanesSince);
    copy.#addressSince = this.#addressSince;
    copy.#campaign = this.#campaign;
    copy.#suspended = this.#suspended;
    copy.#campaignSent = this.#campaignSent;
    copy.#campaignBounces = this.#campaignBounces;
    copy.heights.lane.set(this.heights.lane);
    copy.heights.address.set(this.heights.address);
    return copy;
  }
}

const BOUNCE = METRICS.indexOf('hard-bounce');
const NOTHING: readonly Stop[] = [];
const NO_LANES: readonly number[] = [];
const NONE: readonly Arrival[] = [];
const ALL = (lanes: number) => Array.from({ length: lanes }, (_, lane) => lane);

function copyOf({ w, cohorts, merged, since, days }: Detector): Detector {
  const cohort = (one: Cohort): Cohort => ({ ...one, counted: { ...one.counted } });
  const copy = <T extends object>(one: T): T => ({ ...one });
  return { w, cohorts: cohorts.map(cohort), merged: cohort(merged), since: since.map(copy), days: days.map(copy) };
}
