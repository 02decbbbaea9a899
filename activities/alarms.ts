/**
 * From a change detector's sum over its height to what stops mail, by its scope.
 *
 * One campaign supplies most of the sum: it is suspended on all addresses, and the lanes hold. A lane's sum: the plan's
 * action on the lane. The sum over an address, of metrics that come with the mail (bounces, complaints): the same mail
 * goes out on the pool's other addresses, so its cold lanes are silent for some hours as well, once. Of metrics that are a
 * provider's own (deferrals, blocks): where several providers say the same, the address is what they have in common, and
 * its cold lanes are silent; where one says nearly all of it, the others have no part in it.
 */
import { type Calendar, planMs } from '../policy/calendar.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import { type Evidence, judge, stopsAt } from '../policy/evidence.ts';
import { oneLaneSupplies } from '../policy/gates/cusum.ts';
import { COUNTED, type Counted } from '../policy/gates/levels.ts';
import { acts, type Gates } from '../policy/gates/settings.ts';
import { type Hold, laneTarget } from '../policy/holds.ts';
import { isCold, maySend } from '../policy/lane.ts';
import type { Queryable } from '../store/connect.ts';
import { addNotice } from '../store/decisions.ts';
import { type HoldWrite, liveHolds, openIncident, placeHold } from '../store/holds.ts';
import type { LaneRow } from '../store/lanes.ts';
import type { ActivityDeps } from './deps.ts';
import type { GatesNow } from './gates.ts';

export interface Alarm {
  readonly hold: HoldWrite;
  /** Of a lane's own hold. */
  readonly lane?: LaneRow;
}

export interface AlarmsAbout {
  readonly lanes: readonly LaneRow[];
  readonly evidence: ReadonlyMap<string, readonly Evidence[]>;
  readonly gates: GatesNow;
  readonly settings: (lane: LaneRow) => Gates;
  /** A lane that was declared warm has no stage to go back to. */
  readonly followsPlan: (lane: LaneRow) => boolean;
  readonly calendar: Calendar;
  readonly now: number;
  /** An evaluation steps lanes back itself, with the evidence in hand. */
  readonly stepBacks: boolean;
}

/** Holds that the sums ask for now. A sum that such a hold answers for good is forgotten. */
export function alarmsOf(deps: ActivityDeps, about: AlarmsAbout): Alarm[] {
  const { lanes, evidence, gates, calendar, now } = about;
  const alarms: Alarm[] = [];
  for (const metric of COUNTED) {
    const pools = new Map<string, string>();
    // By provider: what it adds to the sum over the address.
    const added = new Map<string, string>();
    for (const lane of lanes) {
      if (!maySend(lane.phase)) continue;
      const one = evidence.get(lane.provider)?.find((seen) => seen.metric === metric);
      const settings = about.settings(lane);
      const at = one === undefined ? null : stopsAt(one, settings);
      if (one === undefined || at === null || !acts(settings.metrics[metric])) continue;
      const reason = judge(one, {
        ...{ nextCeiling: lane.ceiling, gates: settings, placement: deps.placement, perHour: lane.ceiling / 24 },
      }).says;
      const common = { actor: 'rampart', reason, evidence: one } as const;
      const campaign = one.sums?.blames ?? null;
      if (campaign !== null) {
        const hold = { scope: 'campaign', target: campaign, reach: 'all', cause: `gate:${metric}`, ...common } as const;
        alarms.push({ hold });
        continue;
      }
      if (at === 'address' && settings.levels[metric].byCampaign) pools.set(lane.pool, reason);
      const cause = CAUSES[settings.metrics[metric].action];
      if (cause === undefined) continue;
      if ((one.sums?.address ?? 0) >= settings.levels[metric].address && !settings.levels[metric].byCampaign)
        added.set(lane.provider, reason);
      if (cause === 'gate' && !about.stepBacks) continue;
      const target = laneTarget(lane.address, lane.provider);
      alarms.push({ lane, hold: { scope: 'lane', target, reach: 'all', cause: `${cause}:${metric}`, ...common } });
      // A step back empties the lane's evidence. Nothing else does: the same sum would stop it again and again.
      if (cause !== 'gate' || !about.followsPlan(lane)) gates.answered(metric, lane.provider);
    }
    const silent = {
      reach: 'cold',
      cause: `gate:${metric}`,
      actor: 'rampart',
      until: now + planMs(DEFAULTS.gateHoldMs, calendar),
    } as const;
    for (const [pool, reason] of pools) alarms.push({ hold: { scope: 'pool', target: pool, reason, ...silent } });
    const cold = lanes.find((lane) => isCold(lane.phase));
    if (cold !== undefined && added.size > 0 && !oneLaneSupplies(sumsOf(about, metric)))
      alarms.push({ hold: { scope: 'address', target: cold.address, reason: sayAll(added), ...silent } });
    if (pools.size > 0 && !about.stepBacks) gates.answered(metric);
  }
  return alarms;
}

/** What each lane that sends has added up of a metric by itself. */
function sumsOf({ lanes, evidence }: AlarmsAbout, metric: Counted): number[] {
  return lanes
    .filter((lane) => maySend(lane.phase))
    .map((lane) => evidence.get(lane.provider)?.find((one) => one.metric === metric)?.sums?.lane ?? 0);
}

const sayAll = (by: ReadonlyMap<string, string>) =>
  [...by].map(([provider, says]) => `${provider}: ${says}`).join('; ');

const CAUSES: Readonly<Partial<Record<string, 'gate' | 'pause' | 'incident'>>> = {
  'step-back': 'gate',
  pause: 'pause',
  quarantine: 'incident',
};

/** Places holds with their incidents and returns those that are in force now and were not among the `known` before. */
export async function placeAlarms(db: Queryable, alarms: readonly Alarm[], known: readonly Hold[]): Promise<Hold[]> {
  for (const { hold, lane } of alarms) {
    const { scope, target, cause, reason } = hold;
    const { placed } = await placeHold(db, hold);
    if (!placed) continue;
    const of = lane === undefined ? {} : { address: lane.address, provider: lane.provider };
    await openIncident(db, { scope, target, cause, ...of, detail: { reason } });
    if (scope === 'campaign' || scope === 'pool' || (scope === 'address' && cause.startsWith('gate:')))
      await addNotice(db, 'gate', `${scope} ${target} is stopped`, { cause, reason });
  }
  if (alarms.length === 0) return [];
  return (await liveHolds(db)).filter((hold) => !known.some((one) => one.id === hold.id));
}
