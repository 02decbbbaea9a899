/**
 * The change detectors of an address, kept in the store: reads what its cohorts are now, gives each detector what is new
 * since it last looked, and lets time pass for it.
 *
 * Evaluations and the watch call this, each in its transaction and one at a time for an address. What was counted is
 * written with the state, so that whoever looks next, and however often, counts every message once; a transaction that
 * is undone takes both back.
 */
import { type Calendar, planMs, type Window, windowAt, windowOf } from '../policy/calendar.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import type { FeedSeen } from '../policy/evidence.ts';
import {
  type Arrival,
  advanceHours,
  blamedCampaign,
  type Detector,
  forgetCampaign,
  newDetector,
  resetDetector,
} from '../policy/gates/cusum.ts';
import { COUNTED, type Counted, type Level, type Levels } from '../policy/gates/levels.ts';
import { packDetector, unpackDetector } from '../policy/gates/packed.ts';
import { type CohortCount, measureCohorts } from '../store/cohorts.ts';
import type { Queryable } from '../store/connect.ts';
import {
  type CountedCohort,
  campaignName,
  campaignNumbers,
  countedCohorts,
  type GateState,
  gateStates,
  lockGates,
  writeCounted,
  writeGateStates,
} from '../store/gate-states.ts';
import type { LaneRow } from '../store/lanes.ts';

const HOUR = 3_600_000;
/** Windows whose cohorts are looked at: late answers come within a week. */
export const LOOK_BACK = 8;
/** Provider of the sums over an address. */
const ALL = '';

export interface StepGates {
  readonly address: string;
  readonly lanes: readonly LaneRow[];
  readonly calendar: Calendar;
  readonly now: number;
  /** Of sums over the address. */
  readonly levels: Levels;
  /** Of a lane, where a provider has its own; absent: `levels`. */
  readonly levelsOf?: (lane: LaneRow) => Levels;
  /** Complaint feeds by provider; absent: none. */
  readonly feeds: ReadonlyMap<string, FeedSeen>;
  /** Campaigns that are suspended: what they do is their own. */
  readonly suspended: readonly string[];
  /** Windows to look at, with this one; a short look misses late answers to older mail, and costs less. */
  readonly windows: number;
}

export interface GatesNow {
  readonly lane: (provider: string, metric: Counted) => Detector;
  readonly over: (metric: Counted) => Detector;
  /** Deferral: messages that are neither delivered nor old enough to be one. */
  readonly undecided: (provider: string) => number;
  /** The campaign that supplies most of a lane's sum, by name. */
  readonly blames: (provider: string, metric: Counted) => Promise<string | null>;
  /** Forgets a sum that was answered; over the address where no provider is named. */
  readonly answered: (metric: Counted, provider?: string) => void;
  /** Stores what changed. */
  readonly save: () => Promise<void>;
}

export async function stepGates(db: Queryable, step: StepGates): Promise<GatesNow> {
  const { address, lanes, calendar, now, levels } = step;
  await lockGates(db, address);
  const today = windowOf(now, calendar);
  const windows = Array.from({ length: step.windows }, (_, back) => windowAt(today.index - back, calendar)).reverse();
  const from = today.index - step.windows + 1;
  const measured = await measureCohorts(db, {
    ...{ address, windows, now },
    deferralAfterMs: planMs(DEFAULTS.deferralAfterMs, calendar),
    incidentMs: planMs(DEFAULTS.providerIncident.withinMs, calendar),
  });
  const numbers = await campaignNumbers(
    db,
    [...measured.map((one) => one.campaign), ...step.suspended].filter(Boolean),
  );
  const suspended = step.suspended.map((name) => numbers.get(name) ?? 0);
  const states = await gateStates(db, address);
  const counted = await countedCohorts(db, address, from);
  const hour = planMs(HOUR, calendar);
  const detectors = new Map<string, Detector>();
  const writes = new Map<string, Omit<GateState, 'state'>>();
  const news: CountedCohort[] = [];

  for (const metric of COUNTED) {
    const pooled = levels[metric];
    const together: Arrival[] = [];
    let fresh = true;
    for (const lane of lanes) {
      const level = (step.levelsOf?.(lane) ?? levels)[metric];
      const feed = metric === 'complaint' ? (step.feeds.get(lane.provider)?.feed ?? 'none') : 'ok';
      const kept = states.find((one) => one.provider === lane.provider && one.metric === metric);
      const valid = kept !== undefined && sameInstant(kept.since, lane.evidenceSince) ? kept : undefined;
      const detector = valid === undefined ? newDetector() : unpackDetector(valid.state, level);
      keep(lane.provider, metric, detector, lane.evidenceSince);
      if (feed === 'none') continue;
      if (feed === 'stale') fresh = false;
      const arrivals = arrivalsOf(lane, metric);
      together.push(...aged(arrivals, pooled, feed === 'ok'));
      pass(detector, level, valid?.at, aged(arrivals, level, feed === 'ok'), feed === 'ok');
    }
    const kept = states.find((one) => one.provider === ALL && one.metric === metric);
    const over = kept === undefined ? newDetector() : unpackDetector(kept.state, pooled);
    keep(ALL, metric, over, kept?.since ?? now);
    pass(over, pooled, kept?.at, summed(together), fresh);
  }

  return {
    lane: (provider, metric) => at(provider, metric),
    over: (metric) => at(ALL, metric),
    undecided: (provider) => measured.reduce((sum, one) => sum + (one.provider === provider ? one.undecided : 0), 0),
    blames: async (provider, metric) => {
      const blamed = levels[metric].byCampaign ? blamedCampaign(at(provider, metric)) : null;
      return blamed === null ? null : await campaignName(db, blamed.campaign);
    },
    answered: (metric, provider = ALL) => resetDetector(at(provider, metric)),
    save: async () => {
      const rows = [...writes].map(([key, row]) => ({
        ...row,
        state: packDetector(detectors.get(key) ?? newDetector()),
      }));
      await writeGateStates(db, address, rows);
      await writeCounted(db, address, news, today.index - LOOK_BACK - 1);
    },
  };

  function at(provider: string, metric: Counted): Detector {
    return detectors.get(`${provider} ${metric}`) ?? newDetector();
  }

  function keep(provider: string, metric: Counted, detector: Detector, since: number): void {
    detectors.set(`${provider} ${metric}`, detector);
    writes.set(`${provider} ${metric}`, { provider, metric, since, at: now });
  }

  /** Time first: what is new arrives with the age it has. */
  function pass(d: Detector, level: Level, before: number | undefined, arrivals: Arrival[], fresh: boolean): void {
    for (const campaign of suspended) forgetCampaign(d, campaign);
    if (before !== undefined && level.lagHours > 0) advanceHours(d, level, (now - before) / hour, [], fresh);
    advanceHours(d, level, 0, arrivals, fresh);
  }

  /** What is new of a lane's cohorts, remembered as counted. Suspended campaigns are counted and not told. */
  function arrivalsOf(lane: LaneRow, metric: Counted): Arrival[] {
    const totals = measured.filter((one) => one.provider === lane.provider && one.metric === metric);
    const known = counted.filter(
      (one) => one.provider === lane.provider && one.metric === metric && sameInstant(one.since, lane.evidenceSince),
    );
    const found = totals.map((one) => ({ ...one, campaign: numberOf(one) }));
    // A cohort may vanish: answers that turn out to be a provider's own outage.
    const gone = known.filter((one) => !found.some((total) => isSame(total, one)));
    const arrivals: Arrival[] = [];
    for (const one of [...found, ...gone.map((row) => ({ ...row, trials: 0, events: 0 }))]) {
      const before = known.find((row) => isSame(row, one));
      const trials = one.trials - (before?.trials ?? 0);
      const events = one.events - (before?.events ?? 0);
      if (trials === 0 && events === 0) continue;
      const { campaign, day, part } = one;
      news.push({
        ...{ provider: lane.provider, metric, campaign, day, part, since: lane.evidenceSince },
        ...{ trials: one.trials, events: one.events },
      });
      if (suspended.includes(campaign) && campaign !== 0) continue;
      arrivals.push({ campaign, day, part, trials, events });
    }
    return arrivals;
  }

  function numberOf(one: CohortCount): number {
    return one.campaign === '' ? 0 : (numbers.get(one.campaign) ?? 0);
  }

  /** What of it has matured already: a lane's lag and its address's may differ. While the feed is silent, nothing has. */
  function aged(arrivals: readonly Arrival[], level: Level, fresh: boolean): Arrival[] {
    return arrivals.map((one) => ({ ...one, matured: fresh ? one.trials * maturedShare(level, one.day) : 0 }));
  }

  /** Share of a day's trials that have matured by now, by the middle of what has passed of the day. */
  function maturedShare({ lagHours }: Level, day: number): number {
    if (lagHours === 0) return 1;
    const window: Window = windowAt(day, calendar);
    const middle = (window.start + Math.min(window.end, now)) / 2;
    return 1 - Math.exp(-Math.max(0, now - middle) / hour / lagHours);
  }
}

type Key = Pick<CountedCohort, 'campaign' | 'day' | 'part'>;

function isSame(a: Key, b: Key): boolean {
  return a.day === b.day && a.part === b.part && a.campaign === b.campaign;
}

/** The database keeps microseconds, JavaScript milliseconds. */
function sameInstant(a: number, b: number): boolean {
  return Math.abs(a - b) < 1;
}

/** An address's cohorts: those of its lanes with the same key, together. */
function summed(arrivals: readonly Arrival[]): Arrival[] {
  const by = Map.groupBy(arrivals, (one) => `${one.campaign} ${one.day} ${one.part}`);
  const sum = (group: readonly Arrival[], of: (one: Arrival) => number) => group.reduce((all, one) => all + of(one), 0);
  return [...by.values()].map((group) => ({
    ...(group[0] as Arrival),
    trials: sum(group, (one) => one.trials),
    events: sum(group, (one) => one.events),
    matured: sum(group, (one) => one.matured ?? 0),
  }));
}
