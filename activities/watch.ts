/**
 * The fast gates: looks at the minute rollups every few seconds, and at the change detectors every plan hour, and places a
 * hold when a boundary is crossed, so that a lane stops long before its next evaluation. It never lifts anything: that is
 * the workflow's.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Calendar, planMs, rollupMs } from '../policy/calendar.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import { CAMPAIGN_BREAKER, campaignRatio } from '../policy/gates/cusum.ts';
import { LEVELS } from '../policy/gates/levels.ts';
import { laneTarget } from '../policy/holds.ts';
import { providerIncidents } from '../policy/provider-incident.ts';
import { PROVIDER_OUTAGE } from '../store/cohorts.ts';
import { tx } from '../store/connect.ts';
import { addNotice, StaleRevision } from '../store/decisions.ts';
import { type HoldWrite, holdsSince, openIncident, placeHold } from '../store/holds.ts';
import { addressRows, fenceLane } from '../store/lanes.ts';
import { campaignRollups, recentRollups, warmLaneTroubles } from '../store/measures.ts';
import { lookAtCutovers } from './cutover/watch.ts';
import type { ActivityDeps } from './deps.ts';
import { hourlyDetectors } from './detectors.ts';
import { listingReader } from './listings.ts';
import { placementReader } from './placements.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Under half of the activity's heartbeat time-out. */
const LOOK_MS = 2_000;
const LEAST_MS = 250;
/** The activity ends after this, so that a new worker's code takes over. */
const SHIFT_MS = 10 * 60_000;

export async function watch(deps: ActivityDeps, beat: () => void, cancelled: AbortSignal): Promise<void> {
  const until = performance.now() + SHIFT_MS;
  const detectors = hourlyDetectors(deps);
  const listings = listingReader(deps);
  const placements = placementReader(deps);
  while (performance.now() < until && !cancelled.aborted) {
    beat();
    const pools = new Map((await addressRows(deps.store)).map((row) => [row.pool, row.calendar]));
    for (const [pool, calendar] of pools) await look(deps, pool, calendar);
    const [calendar] = pools.values();
    if (calendar !== undefined) await lookAtProviders(deps, calendar);
    await lookAtCutovers(deps);
    await detectors.look(beat);
    listings.look();
    if (calendar !== undefined) placements.look(calendar);
    const shortest = Math.min(LOOK_MS, ...[...pools.values()].map((calendar) => planMs(HOUR, calendar)));
    await sleep(Math.max(LEAST_MS, shortest), undefined, { signal: cancelled }).catch(() => {});
  }
  await Promise.all([listings.stop(beat), placements.stop(beat)]);
}

async function look(deps: ActivityDeps, pool: string, calendar: Calendar): Promise<void> {
  const now = deps.now();
  const { reputationStop } = DEFAULTS;
  for (const sum of await recentRollups(deps.store, pool, now - planMs(HOUR, calendar))) {
    if (sum.reputation < reputationStop.events || sum.reputation < reputationStop.share * sum.attempts) continue;
    const reason = `${sum.reputation} of ${sum.attempts} attempts in the last hour met reputation answers at ${sum.provider}`;
    await cross(deps, { ...sum, cause: 'gate:reputation', reason });
  }
  const { reputationDayStop } = DEFAULTS;
  const { blockStop: stop } = DEFAULTS;
  for (const sum of await recentRollups(deps.store, pool, now - planMs(DAY, calendar))) {
    if (sum.reputation >= reputationDayStop.events && sum.reputation >= reputationDayStop.share * sum.attempts) {
      const reason = `${sum.reputation} of ${sum.attempts} attempts in 24 h met reputation answers at ${sum.provider}`;
      await cross(deps, { ...sum, cause: 'gate:reputation', reason });
    }
    if (sum.blocked < stop.events || sum.blocked < stop.share * sum.attempts) continue;
    const reason = `${sum.blocked} of ${sum.attempts} messages in 24 h were blocked at ${sum.provider}`;
    await cross(deps, { ...sum, cause: 'gate:block', reason });
  }
  for (const sum of await campaignRollups(deps.store, pool, now - DEFAULTS.lookbackWindows * planMs(DAY, calendar))) {
    if (sum.campaign === '' || campaignRatio(sum.bounces, sum.attempts, LEVELS['hard-bounce']) < CAMPAIGN_BREAKER)
      continue;
    const reason = `${sum.bounces} of ${sum.attempts} messages of campaign ${sum.campaign} were hard bounces`;
    await placeStop(deps, {
      scope: 'campaign',
      target: sum.campaign,
      reach: 'all',
      cause: 'gate:hard-bounce',
      actor: 'rampart',
      reason,
      evidence: sum,
    });
  }
}

/** A provider's outage holds the cold lanes there for a while, again and again while it lasts, and is told once. */
async function lookAtProviders(deps: ActivityDeps, calendar: Calendar): Promise<void> {
  const now = deps.now();
  // Rollups have a least width: a compressed day's quarter of an hour is shorter.
  const within = Math.max(planMs(DEFAULTS.providerIncident.withinMs, calendar), 4 * rollupMs(calendar));
  for (const { provider, says } of providerIncidents(
    await warmLaneTroubles(deps.store, now - within, DEFAULTS.providerIncident),
  )) {
    const hold = { scope: 'provider', target: provider, reach: 'cold', cause: PROVIDER_OUTAGE } as const;
    await tx(deps.store, async (db) => {
      const recent = (await holdsSince(db, now - within)).some(
        (one) => one.cause === hold.cause && one.target === provider,
      );
      const { placed } = await placeHold(db, { ...hold, actor: 'rampart', reason: says, until: now + within });
      if (!placed || recent) return;
      await addNotice(db, 'provider-incident', `${provider} has an outage`, { provider, reason: says });
      deps.log('provider-incident', { provider, says });
    });
  }
}

interface Crossed {
  readonly address: string;
  readonly provider: string;
  readonly revision: number;
  readonly cause: string;
  readonly reason: string;
}

async function cross(deps: ActivityDeps, crossed: Crossed): Promise<void> {
  const { address, provider, cause, reason } = crossed;
  const target = laneTarget(address, provider);
  await placeStop(
    deps,
    { scope: 'lane', target, reach: 'all', cause, actor: 'rampart', reason, evidence: crossed },
    crossed,
  );
}

/** Hold and incident are one transaction; the relay tells the workflow from the incident row. */
async function placeStop(deps: ActivityDeps, hold: HoldWrite, lane?: Crossed): Promise<void> {
  const { scope, target, cause, reason } = hold;
  try {
    await tx(deps.store, async (db) => {
      const { placed } = await placeHold(db, hold);
      if (!placed) return;
      // An evaluation that runs now may answer the same numbers without this hold: one of the two must read again, or
      // the lane steps back twice for one burst.
      if (lane !== undefined && !(await fenceLane(db, lane.address, lane.provider, lane.revision)))
        throw new StaleRevision(target);
      const of = lane === undefined ? {} : { address: lane.address, provider: lane.provider };
      await openIncident(db, { scope, target, cause, ...of, detail: { reason } });
      deps.log('gate-crossed', { target, cause, reason });
    });
  } catch (error) {
    // The lane was decided on since the numbers were read: the next look tells whether they still cross.
    if (!(error instanceof StaleRevision)) throw error;
  }
}
