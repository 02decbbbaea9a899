/** From rows to evidence: what was measured, in the form `policy` judges. */
import { type Calendar, planMs, windowAt } from '../policy/calendar.ts';
import type { Evidence, FeedSeen } from '../policy/evidence.ts';
import { FEEDS, feedState, silentFor } from '../policy/feeds.ts';
import { windowOfDays } from '../policy/gates/cusum.ts';
import { COUNTED, type Counted } from '../policy/gates/levels.ts';
import type { Gates } from '../policy/gates/settings.ts';
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
  readonly feeds: ReadonlyMap<string, FeedSeen>;
  /** Of a lane: how far each metric looks back. */
  readonly settings: (lane: LaneRow) => Gates;
}

/** Evidence of every lane of an address, a metric each: the gates' sums and send days, and the seeds. */
export async function gatherEvidence(
  deps: ActivityDeps,
  db: Queryable,
  gates: GatesNow,
  about: GatherEvidence,
): Promise<ReadonlyMap<string, readonly Evidence[]>> {
  const { address, lanes, calendar, window, now, feeds, settings } = about;
  const day = planMs(86_400_000, calendar);
  const placement = new Map<number, PlacementMeasure[]>();
  const all = new Map<string, readonly Evidence[]>();
  for (const lane of lanes) {
    const spanOf = (from: number) => ({ from: Math.max(from, lane.evidenceSince), to: now });
    const counted: Evidence[] = [];
    for (const metric of COUNTED) {
      const feed = metric === 'complaint' ? (feeds.get(lane.provider) ?? NO_FEED) : OWN_EARS;
      const first = gates.lane(lane.provider, metric).days[0];
      const span = spanOf(first === undefined ? now : windowAt(first.day, calendar).start);
      counted.push({ ...(await countedEvidence(gates, lane.provider, metric, feed)), ...span });
    }
    const { lookbackDays } = settings(lane).metrics.placement;
    const measured =
      placement.get(lookbackDays) ??
      (await measurePlacement(db, address, window - lookbackDays, deps.placement.minObserved));
    placement.set(lookbackDays, measured);
    const seen = measured.find((one) => one.provider === lane.provider);
    const probed = placementEvidence(deps, lane, seen, calendar, now);
    all.set(lane.provider, [...counted, { ...probed, ...spanOf(now - lookbackDays * day) }]);
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
): Promise<ReadonlyMap<string, FeedSeen>> {
  const named = lanes.map((lane) => lane.provider).filter((provider) => deps.complaintFeeds.includes(provider));
  if (named.length === 0) return new Map();
  const histories = await feedHistories(db, named, now - planMs(FEEDS.historyMs, calendar), now);
  const silence = planMs(FEEDS.silenceMs, calendar);
  return new Map(
    [...histories].map(([provider, history]) => {
      const feed = feedState(history, now, silence);
      const broken = feed === 'stale' ? silentFor(history, now, silence) : undefined;
      return [
        provider,
        { feed, ...(broken === undefined ? {} : { brokenHours: broken / planMs(3_600_000, calendar) }) },
      ];
    }),
  );
}

const NO_FEED: FeedSeen = { feed: 'none' };
/** What providers answer is heard here: there is no feed that could fall silent. */
const OWN_EARS: FeedSeen = { feed: 'ok' };

type Seen = Omit<Evidence, 'from' | 'to'>;

async function countedEvidence(gates: GatesNow, provider: string, metric: Counted, feed: FeedSeen): Promise<Seen> {
  const detector = gates.lane(provider, metric);
  const { k, e, awaiting } = windowOfDays(detector);
  return {
    metric,
    ...feed,
    trials: e,
    events: k,
    awaiting: awaiting + (metric === 'deferral' ? gates.undecided(provider) : 0),
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
