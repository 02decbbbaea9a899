/** From rows to evidence: what was measured, in the form `policy` judges. */
import { type Calendar, planMs } from '../policy/calendar.ts';
import { DEFAULTS, type Metric } from '../policy/defaults.ts';
import type { Evidence, Feed } from '../policy/evidence.ts';
import { FEEDS, feedState } from '../policy/feeds.ts';
import type { Queryable } from '../store/connect.ts';
import { feedHistories } from '../store/feeds.ts';
import type { LaneRow } from '../store/lanes.ts';
import { type LaneMeasure, measureLanes, measurePlacement, type PlacementMeasure } from '../store/measures.ts';
import type { ActivityDeps } from './deps.ts';

export interface LaneEvidence {
  readonly week: readonly Evidence[];
  readonly recent: readonly Evidence[];
}

/** Evidence of every lane of an address: the lookback for advancing, the last 24 plan hours for stopping. */
export async function gatherEvidence(
  deps: ActivityDeps,
  db: Queryable,
  address: string,
  lanes: readonly LaneRow[],
  calendar: Calendar,
  window: number,
  now: number,
  excluded: readonly string[],
): Promise<Map<string, LaneEvidence>> {
  const query = {
    address,
    now,
    deferralAfterMs: planMs(DEFAULTS.deferralAfterMs, calendar),
    complaintLagMs: planMs(DEFAULTS.complaintLagMs, calendar),
    incidentMs: planMs(DEFAULTS.providerIncident.withinMs, calendar),
    excluded,
  };
  const day = planMs(86_400_000, calendar);
  const weekFrom = now - DEFAULTS.lookbackWindows * day;
  const week = await measureLanes(db, { ...query, since: weekFrom });
  const recent = await measureLanes(db, { ...query, since: now - day });
  const placement = await measurePlacement(db, address, window - DEFAULTS.lookbackWindows);
  const feeds = await complaintFeeds(deps, db, lanes, calendar, now);
  return new Map(
    lanes.map((lane) => {
      const from = (since: number) => Math.max(since, lane.evidenceSince);
      const of = (measures: readonly LaneMeasure[], since: number) =>
        smtpEvidence(
          feeds.get(lane.provider) ?? 'none',
          measures.find((m) => m.provider === lane.provider),
          from(since),
          now,
        );
      const seeds = placementEvidence(
        deps,
        lane,
        placement.find((m) => m.provider === lane.provider),
        from(weekFrom),
        now,
      );
      return [lane.provider, { week: [...of(week, weekFrom), seeds], recent: of(recent, now - day) }];
    }),
  );
}

/** A feed that is not configured is none; one that is silent beyond chance blocks advancing, and punishes nobody. */
async function complaintFeeds(
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

function smtpEvidence(complaints: Feed, measure: LaneMeasure | undefined, from: number, to: number): Evidence[] {
  const of = (metric: Metric, trials = 0, events = 0, awaiting = 0, campaigns = 0, feed: Evidence['feed'] = 'ok') => ({
    metric,
    feed,
    trials,
    events,
    awaiting,
    campaigns,
    from,
    to,
  });
  const m = measure;
  return [
    of('deferral', m?.deferralTrials, m?.deferrals, m?.deferralAwaiting, m?.deferralCampaigns),
    of('block', m?.messages, m?.blocks, 0, m?.blockCampaigns),
    of('hard-bounce', m?.bounceTrials, m?.bounces, 0, m?.bounceCampaigns),
    of('complaint', m?.complaintTrials, m?.complaints, m?.complaintAwaiting, m?.complaintCampaigns, complaints),
  ];
}

/** Seeds that could not be read are no trials; if none could, the feed is stale. */
function placementEvidence(
  deps: ActivityDeps,
  lane: LaneRow,
  measure: PlacementMeasure | undefined,
  from: number,
  to: number,
): Evidence {
  const seeded =
    deps.seeds.some((seed) => seed.provider === lane.provider) && lane.ceiling >= deps.placement.minCeiling;
  const blind = measure !== undefined && measure.unobserved > 0 && measure.observed === 0;
  return {
    metric: 'placement',
    feed: !seeded ? 'none' : blind ? 'stale' : 'ok',
    trials: measure?.observed ?? 0,
    events: measure?.bad ?? 0,
    awaiting: measure?.waiting ?? 0,
    campaigns: 1,
    from,
    to,
  };
}
