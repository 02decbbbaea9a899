/** From rows to evidence: what was measured, in the form `policy` judges. */
import { type Calendar, planMs } from '../policy/calendar.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import type { Evidence, Feed } from '../policy/evidence.ts';
import { FEEDS, feedState } from '../policy/feeds.ts';
import { windowOfDays } from '../policy/gates/cusum.ts';
import { COUNTED, type Counted } from '../policy/gates/levels.ts';
import type { Queryable } from '../store/connect.ts';
import { feedHistories } from '../store/feeds.ts';
import type { LaneRow } from '../store/lanes.ts';
import { measurePlacement, type PlacementMeasure } from '../store/measures.ts';
import type { ActivityDeps } from './deps.ts';
import type { GatesNow } from './gates.ts';

export interface GatherEvidence {
  readonly address: string;
  readonly lanes: readonly LaneRow[];
  readonly calendar: Calendar;
  readonly window: number;
  readonly now: number;
  readonly feeds: ReadonlyMap<string, Feed>;
}

/** Evidence of every lane of an address, a metric each: the gates' sums and weeks, and the seeds. */
export async function gatherEvidence(
  deps: ActivityDeps,
  db: Queryable,
  gates: GatesNow,
  about: GatherEvidence,
): Promise<ReadonlyMap<string, readonly Evidence[]>> {
  const { address, lanes, calendar, window, now, feeds } = about;
  const weekFrom = now - DEFAULTS.lookbackWindows * planMs(86_400_000, calendar);
  const placement = await measurePlacement(db, address, window - DEFAULTS.lookbackWindows);
  const all = new Map<string, readonly Evidence[]>();
  for (const lane of lanes) {
    const span = { from: Math.max(weekFrom, lane.evidenceSince), to: now };
    const counted: Evidence[] = [];
    for (const metric of COUNTED) {
      const feed = metric === 'complaint' ? (feeds.get(lane.provider) ?? 'none') : 'ok';
      counted.push({ ...(await countedEvidence(gates, lane.provider, metric, feed)), ...span });
    }
    const seen = placement.find((one) => one.provider === lane.provider);
    all.set(lane.provider, [...counted, { ...placementEvidence(deps, lane, seen, calendar, now), ...span }]);
  }
  return all;
}

/** A feed that is not configured is none; one that is silent beyond chance blocks advancing, and punishes nobody. */
export async function complaintFeeds(
  deps: ActivityDeps,
  db: Queryable,
  lanes: readonly LaneRow[],
  calendar: Calendar,
  now: number,
): Promise<ReadonlyMap<string, Feed>> {
  const named = lanes.map((lane) => lane.provider).filter((provider) => deps.complaintFeeds.includes(provider));
  if (named.length === 0) return new Map();
  const histories = await feedHistories(db, named, now - planMs(FEEDS.historyMs, calendar), now);
  const silence = planMs(FEEDS.silenceMs, calendar);
  return new Map([...histories].map(([provider, history]) => [provider, feedState(history, now, silence)]));
}

type Seen = Omit<Evidence, 'from' | 'to'>;

async function countedEvidence(gates: GatesNow, provider: string, metric: Counted, feed: Feed): Promise<Seen> {
  const detector = gates.lane(provider, metric);
  const { k, e, awaiting } = windowOfDays(detector);
  return {
    metric,
    feed,
    trials: e,
    events: k,
    awaiting: metric === 'deferral' ? gates.undecided(provider) : awaiting,
    sums: { lane: detector.w, address: gates.over(metric).w, blames: await gates.blames(provider, metric) },
  };
}

/** Seeds that could not be read are no trials; since when that is so tells whether the lane has to wait for them. */
function placementEvidence(
  deps: ActivityDeps,
  lane: LaneRow,
  measure: PlacementMeasure | undefined,
  calendar: Calendar,
  now: number,
): Seen {
  const enough = lane.ceiling >= deps.placement.minCeiling || lane.phase === 'probing';
  const seeded = enough && deps.seeds.some((seed) => seed.provider === lane.provider);
  const brokenSince = measure?.brokenSince ?? null;
  return {
    metric: 'placement',
    feed: !seeded ? 'none' : brokenSince !== null ? 'stale' : 'ok',
    trials: measure?.observed ?? 0,
    events: measure?.bad ?? 0,
    awaiting: measure?.waiting ?? 0,
    ...(measure === undefined ? {} : { pairs: { worse: measure.worse, better: measure.better } }),
    ...(measure === undefined || measure.lastObserved === 0
      ? {}
      : { last: { trials: measure.lastObserved, events: measure.lastBad } }),
    ...(brokenSince === null ? {} : { brokenHours: Math.max(0, now - brokenSince) / planMs(3_600_000, calendar) }),
  };
}
