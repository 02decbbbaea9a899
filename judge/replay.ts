/**
 * Past mail under the shipped gates: hour by hour through the detectors, a verdict for each lane and day.
 *
 * The past can not be changed: what was sent stays sent, whatever the gates would have said. So a lane begins at the first
 * stage that its first day fits into, goes on as the gates allow, and each day says how much more than that was sent.
 */

import { volumeMissing } from '../policy/advance.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import { calm, enoughSeen, missingFor } from '../policy/gates/advance.ts';
import {
  type Arrival,
  advanceHour,
  blamedCampaign,
  CAMPAIGN_BREAKER,
  campaignRatio,
  type Detector,
  newDetector,
  resetDetector,
  windowOfDays,
} from '../policy/gates/cusum.ts';
import { COUNTED, type Counted, LEVELS, type Level } from '../policy/gates/levels.ts';
import { acts, type Gates } from '../policy/gates/settings.ts';
import { type Plan, rowOf } from '../policy/plan.ts';

/** What was learned in one hour about one campaign's mail of one send day on one lane. Numbers, so that files of any size fit. */
export interface PastHour {
  readonly address: string;
  readonly provider: string;
  /** Hours since 1970. */
  readonly hour: number;
  /** Send day, an index; 0 to 3: its quarter. */
  readonly day: number;
  readonly part: number;
  readonly campaign: string;
  /** Messages whose end is known, and those of them that were delivered (only they can be complained of). */
  trials: number;
  delivered: number;
  readonly events: Record<Counted, number>;
}

export interface PastDay {
  readonly address: string;
  readonly provider: string;
  readonly day: number;
  readonly sent: number;
  readonly ceiling: number;
  /** From 1. */
  readonly stage: number;
  readonly verdict: 'advance' | 'hold' | 'stop';
  readonly reason: string;
}

export interface ReplayOptions {
  readonly plan: Plan;
  /** Gates of a provider's lanes; without one those of all, which sums over an address go by. */
  readonly gates: (provider?: string) => Gates;
  /** Does this lane tell of complaints? */
  readonly reports: (address: string, provider: string) => boolean;
  /** The send day an hour lies in. */
  readonly dayOf: (hour: number) => number;
}

interface Lane {
  readonly provider: string;
  readonly row: readonly number[];
  readonly gates: Gates;
  readonly metrics: readonly Counted[];
  readonly detectors: Map<Counted, Detector>;
  stage: number;
  /** Clean days still to come after a stop. */
  cooling: number;
  /** Good days in a row at this stage. */
  clean: number;
  sent: number;
  /** Messages since this stage began. */
  stageSent: number;
  stopped: string | null;
}

/** Verdicts by address, lane and day, in the order of days. `hours` in any order. */
export function replay(hours: Iterable<PastHour>, options: ReplayOptions): PastDay[] {
  const byAddress = new Map<string, PastHour[]>();
  for (const one of hours) {
    const known = byAddress.get(one.address);
    if (known === undefined) byAddress.set(one.address, [one]);
    else known.push(one);
  }
  return [...byAddress.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([address, mine]) =>
      replayAddress(
        address,
        mine.sort((a, b) => a.hour - b.hour),
        options,
      ),
    );
}

function replayAddress(address: string, hours: readonly PastHour[], options: ReplayOptions): PastDay[] {
  const lanes = new Map<string, Lane>();
  const pooled = new Map(COUNTED.map((metric) => [metric, newDetector()]));
  const campaigns = new Map<string, number>();
  const of: Address = {
    lanes,
    pooled,
    campaigns,
    gates: options.gates(),
    plan: options.plan,
    suspended: new Set(),
    bounces: new Map(),
  };
  const days: PastDay[] = [];
  const last = hours.at(-1)?.hour ?? -1;
  let at = 0;
  for (let hour = hours[0]?.hour ?? 0; hour <= last; hour++) {
    const from = at;
    while (hours[at]?.hour === hour) at++;
    // What would have been suspended would not have been sent.
    const now = hours.slice(from, at).filter((one) => !of.suspended.has(one.campaign));
    for (const one of now) {
      if (!campaigns.has(one.campaign)) campaigns.set(one.campaign, one.campaign === '' ? 0 : campaigns.size + 1);
      if (!lanes.has(one.provider)) lanes.set(one.provider, openLane(address, one, hours, options));
    }
    for (const one of now) breaker(one, of);
    for (const metric of COUNTED) hourOf(metric, now, of);
    for (const one of now) {
      const lane = lanes.get(one.provider);
      if (lane !== undefined) lane.sent += one.trials;
    }
    const day = options.dayOf(hour);
    if (hour === last || options.dayOf(hour + 1) !== day) days.push(...endDay(address, day, of));
  }
  return days;
}

function openLane(
  address: string,
  { provider, day }: PastHour,
  hours: readonly PastHour[],
  options: ReplayOptions,
): Lane {
  const row = rowOf(options.plan, provider).map((stage) => stage.ceiling);
  const first = hours
    .filter((one) => one.provider === provider && one.day === day)
    .reduce((sum, one) => sum + one.trials, 0);
  const fits = row.findIndex((ceiling) => ceiling >= first);
  const metrics = COUNTED.filter((metric) => metric !== 'complaint' || options.reports(address, provider));
  return {
    provider,
    row,
    gates: options.gates(provider),
    metrics,
    detectors: new Map(metrics.map((metric) => [metric, newDetector()])),
    stage: fits < 0 ? row.length - 1 : fits,
    cooling: 0,
    clean: 0,
    sent: 0,
    stageSent: 0,
    stopped: null,
  };
}

interface Address {
  readonly lanes: Map<string, Lane>;
  readonly pooled: Map<Counted, Detector>;
  /** Numbers of campaigns by name; 0 has none. */
  readonly campaigns: Map<string, number>;
  /** Of all providers. */
  readonly gates: Gates;
  readonly plan: Plan;
  /** Campaigns that were suspended already. */
  readonly suspended: Set<string>;
  /** Messages and hard bounces of each campaign. */
  readonly bounces: Map<string, { trials: number; bounces: number }>;
}

/** A campaign to dead addresses is suspended by its own bounces, at every lane, long before any sum, whatever a plan says. */
function breaker(one: PastHour, { lanes, suspended, bounces }: Address): void {
  if (one.campaign === '' || suspended.has(one.campaign)) return;
  const count = bounces.get(one.campaign) ?? { trials: 0, bounces: 0 };
  count.trials += one.trials;
  count.bounces += one.events['hard-bounce'];
  bounces.set(one.campaign, count);
  if (campaignRatio(count.bounces, count.trials, LEVELS['hard-bounce']) < CAMPAIGN_BREAKER) return;
  suspended.add(one.campaign);
  const lane = lanes.get(one.provider);
  if (lane !== undefined)
    lane.stopped ??= `campaign ${one.campaign}: ${count.bounces} of ${count.trials} messages were hard bounces: it is suspended`;
}

function hourOf(metric: Counted, now: readonly PastHour[], of: Address): void {
  const { lanes, pooled, campaigns, gates } = of;
  const pooledLevel = gates.levels[metric];
  const all: Arrival[] = [];
  for (const lane of lanes.values()) {
    const detector = lane.detectors.get(metric);
    if (detector === undefined) continue;
    const mine = now.filter((one) => one.provider === lane.provider);
    const arrivals = mine.flatMap((one) => arrivalOf(one, metric, pooledLevel, campaigns));
    all.push(...arrivals);
    advanceHour(detector, lane.gates.levels[metric], arrivals);
  }
  const sum = pooled.get(metric) as Detector;
  advanceHour(sum, pooledLevel, all);
  // A lane that added nothing to the sum has no part in what is wrong with the others.
  const over = [...lanes.values()].filter(
    (lane) => sum.w >= lane.gates.levels[metric].address && (lane.detectors.get(metric)?.w ?? 0) > 0,
  );
  const lowest = Math.min(...over.map((lane) => lane.gates.levels[metric].address));
  if (over.length > 0) crossed(over, metric, sum, `${metric} over the address: ${height(sum.w, lowest)}`, of);
  for (const lane of lanes.values()) {
    const detector = lane.detectors.get(metric);
    const level = lane.gates.levels[metric];
    if (!over.includes(lane) && detector !== undefined && detector.w >= level.lane)
      crossed([lane], metric, detector, `${metric} of the lane: ${height(detector.w, level.lane)}`, of);
  }
}

/** A sum that one campaign supplied suspends the campaign; else the metric's own action says what happens. */
function crossed(lanes: readonly Lane[], metric: Counted, detector: Detector, says: string, of: Address): void {
  const blamed = of.gates.levels[metric].byCampaign ? blamedCampaign(detector) : null;
  if (blamed !== null) {
    const [name] = [...of.campaigns].find(([, number]) => number === blamed.campaign) ?? [''];
    if (of.suspended.has(name)) return;
    of.suspended.add(name);
    for (const lane of lanes) lane.stopped ??= `campaign ${name}: ${says}: it is suspended`;
    return;
  }
  const stopped = lanes.filter(({ gates }) => {
    const setting = gates.metrics[metric];
    // A hold goes on sending: its sum keeps the lane from advancing, which the day's verdict tells.
    return acts(setting) && setting.action !== 'hold';
  });
  for (const lane of stopped) stop(lane, says, lane.gates.metrics[metric].steps);
  if (stopped.length === of.lanes.size) for (const one of of.pooled.values()) resetDetector(one);
  // Answered by those it stopped: the others have a height or an action of their own.
  else if (stopped.length > 0 && detector === of.pooled.get(metric)) resetDetector(detector);
}

function arrivalOf(one: PastHour, metric: Counted, level: Level, campaigns: Map<string, number>): Arrival[] {
  const campaign = level.byCampaign ? (campaigns.get(one.campaign) ?? 0) : 0;
  const part = level.byCampaign && campaign !== 0 ? 0 : one.part;
  const events = one.events[metric];
  const trials = metric === 'complaint' ? one.delivered : one.trials;
  return trials > 0 || events > 0 ? [{ campaign, day: one.day, part, trials, events }] : [];
}

const height = (w: number, at: number) => `${w.toFixed(1)} of ${at}`;

/** Some stages back, two clean days; what was seen before no longer counts. */
function stop(lane: Lane, says: string, steps: number): void {
  lane.stopped ??= says;
  lane.stage = Math.max(0, lane.stage - steps);
  lane.cooling = DEFAULTS.coolDownEvaluations + 1;
  lane.clean = 0;
  lane.stageSent = 0;
  for (const detector of lane.detectors.values()) resetDetector(detector);
}

function endDay(address: string, day: number, { lanes, pooled, plan }: Address): PastDay[] {
  const days: PastDay[] = [];
  for (const lane of lanes.values()) {
    const { sent, stopped, stage } = lane;
    if (sent === 0 && stopped === null) continue;
    const ceiling = lane.row[stage] ?? 0;
    lane.stageSent += sent;
    const held = stopped === null ? (whyHold(lane, pooled, plan) ?? notYet(lane)) : null;
    const advances = stopped === null && held === null;
    days.push({
      address,
      provider: lane.provider,
      day,
      sent,
      ceiling,
      stage: stage + 1,
      verdict: stopped !== null ? 'stop' : advances ? 'advance' : 'hold',
      reason: stopped ?? held ?? 'all gates pass',
    });
    // A new stage has to be good anew.
    if (advances) [lane.stage, lane.clean, lane.stageSent] = [Math.min(lane.row.length - 1, stage + 1), 0, 0];
    if (lane.cooling > 0) lane.cooling--;
    lane.sent = 0;
    lane.stopped = null;
  }
  return days;
}

/** A good day: one of the row that its gates ask for. */
function notYet(lane: Lane): string | null {
  const { consecutiveGood } = lane.gates;
  lane.clean += 1;
  return lane.clean >= consecutiveGood
    ? null
    : `all gates pass: day ${lane.clean} of the ${consecutiveGood} in a row that are asked for`;
}

function whyHold(lane: Lane, pooled: Map<Counted, Detector>, plan: Plan): string | null {
  const ceiling = lane.row[lane.stage] ?? 1;
  const next = lane.row[lane.stage + 1] ?? ceiling;
  if (lane.cooling > 0) return `cool-down: ${lane.cooling} more clean ${lane.cooling === 1 ? 'day' : 'days'}`;
  for (const metric of lane.metrics) {
    // What is only looked at holds nobody.
    if (!acts(lane.gates.metrics[metric])) continue;
    const level = lane.gates.levels[metric];
    const detector = lane.detectors.get(metric) as Detector;
    const address = pooled.get(metric) as Detector;
    if (!calm(detector.w, address.w, level)) {
      // A gate that only holds lets its sum stand above where another would stop the lane.
      const over = detector.w >= level.lane || address.w >= level.address;
      const sums = `lane ${height(detector.w, level.lane)}, address ${height(address.w, level.address)}`;
      return `${metric} ${over ? 'is harmful' : 'may be on its way to a stop'}: ${sums}`;
    }
    const seen = windowOfDays(detector);
    if (enoughSeen(seen.k, seen.e, level, next)) continue;
    const missing = missingFor(seen, level, next, ceiling / 24);
    const counted = `${metric} ${seen.k} of ${Math.floor(seen.e)}`;
    return missing === null
      ? `${counted}: will not pass at this rate`
      : `${counted}: needs ${missing.needs} more${missing.awaiting > 0 ? `; ${missing.awaiting} await reports` : ''}`;
  }
  return volumeMissing(plan, ceiling, { sent: lane.sent, expected: ceiling, stageSent: lane.stageSent });
}
