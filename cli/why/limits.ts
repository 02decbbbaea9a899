/** Every limit that is in force on a lane, with where it came from. Pure. */
import { DEFAULTS } from '../../policy/defaults.ts';
import { hourLength } from '../../policy/pacing.ts';
import { mostAfter } from '../../policy/plans/growth.ts';
import { RANGE } from '../../policy/ranges/defaults.ts';
import { LIMITS, type Limit, type ShapingOverrides, shapingOf, shareOf, tlsOf } from '../../policy/shaping.ts';
import type { DecisionRow } from '../../store/decisions.ts';
import type { LaneFacts } from '../status/lane-facts.ts';
import { stamp } from '../terminal/time.ts';

export interface EffectiveLimit {
  readonly limit: string;
  readonly value: string;
  readonly from: string;
}

export interface Origins {
  /** The lane's last decision; absent: none was made. */
  readonly decision: DecisionRow | undefined;
  readonly shaping: ShapingOverrides;
  /** Configured TLS towards providers; absent: the shipped one. */
  readonly tls?: Parameters<typeof tlsOf>[1];
  readonly zone: string;
}

const WORDS: Readonly<Record<Limit, string>> = {
  connections: 'connections at once',
  messagesPerConnection: 'messages a connection',
  connectionsPerMinute: 'connections a minute',
  messagesPerMinute: 'messages a minute',
};

export function limitsOf(facts: LaneFacts, origins: Origins): EffectiveLimit[] {
  const { lane, mtas } = facts;
  const shape = shapingOf(lane.provider, lane.pool, origins.shaping);
  const shaping = LIMITS.filter((limit) => shape[limit].value > 0).map((limit) => {
    const { value, from } = shape[limit];
    const split = mtas > 1 && limit !== 'messagesPerConnection';
    return {
      limit: WORDS[limit],
      value: split ? `${value} (${shareOf(value, mtas)} in each of ${mtas} processes)` : String(value),
      from,
    };
  });
  const { value, from } = tlsOf(lane.provider, origins.tls);
  const tls = { limit: 'TLS', value, from };
  return [
    ...grantLimits(facts, origins),
    ...jointLimit(facts),
    ...easing(facts, origins),
    ...stageLimits(facts),
    ...shaping,
    tls,
    leaseOf(facts),
  ];
}

function grantLimits({ lane, cold, grant, window }: LaneFacts, { decision, zone }: Origins): EffectiveLimit[] {
  if (lane.phase === 'planned') {
    const sent = grant === undefined || grant.handed === 0 ? '' : ` (${grant.handed} handed out before)`;
    return [{ limit: 'messages this window', value: `0${sent}`, from: 'a lane that is not started' }];
  }
  if (grant === undefined) {
    const from = cold
      ? `no decision granted window ${window.label} anything`
      : 'its normal limit, granted with its first message';
    return [{ limit: 'messages this window', value: cold ? '0' : String(lane.ceiling), from }];
  }
  const by =
    grant.origin === 'normal'
      ? 'the normal limit of a warm lane'
      : decision === undefined
        ? 'a decision that is no longer kept'
        : `decision ${decision.id} (${decision.kind}, ${stamp(decision.at, zone)}, ${decision.actor}): ${decision.reason}`;
  const carried = grant.origin === 'carried' ? `carried for ${grant.carried} windows from ${by}` : by;
  const plan = grant.planUnits === grant.units ? '' : `; the plan's row says ${grant.planUnits}`;
  return [
    { limit: 'messages this window', value: `${grant.units} (${grant.handed} handed out)`, from: carried + plan },
    ...(cold
      ? [
          {
            limit: 'messages this hour',
            value: String(perHour(grant)),
            from: 'twice the even share of the send hours',
          },
        ]
      : []),
  ];
}

/** What the pool's cold lanes have together, and how it was come by (policy/ranges/joint-budget.ts). */
function jointLimit({ lane, cold, grant, joint }: LaneFacts): EffectiveLimit[] {
  if (!cold || joint === undefined || lane.phase === 'planned') return [];
  const { budget, bestDay, lanes, trimmed } = joint;
  const from =
    budget === mostAfter(bestDay, lane.provider)
      ? `the growth cap over the ${bestDay} they sent on their best day of ${RANGE.lookbackWindows}`
      : budget === RANGE.jointFloor
        ? 'what a pool may always begin with'
        : 'the largest single plan among them';
  const short = trimmed > 0 ? `; ${trimmed} of what the plans say did not fit` : '';
  const own = grant !== undefined && grant.units < grant.planUnits && trimmed > 0 ? ': it binds here' : '';
  return [
    {
      limit: 'joint budget',
      value: `${budget} for ${lanes} cold lanes of pool ${lane.pool}`,
      from: from + short + own,
    },
  ];
}

/** As policy/pacing.ts counts it. */
function perHour(grant: NonNullable<LaneFacts['grant']>): number {
  return Math.max(1, Math.ceil((2 * grant.units * hourLength(grant)) / (grant.sendTo - grant.sendFrom)));
}

function easing({ easedUntil }: LaneFacts, { zone }: Origins): EffectiveLimit[] {
  if (easedUntil === null) return [];
  const from = `a stop on it was lifted: slowly until ${stamp(easedUntil, zone)}`;
  return [{ limit: 'pace', value: `${DEFAULTS.easePace * 100}% of what it would have`, from }];
}

function stageLimits({ lane, cold }: LaneFacts): EffectiveLimit[] {
  if (!cold) return [];
  const stage =
    lane.segment === null || lane.segment === 'all' ? 'any segment' : `segment ${lane.segment} or more engaged`;
  return [
    {
      limit: 'which mail',
      value: `marketing with one-click unsubscribe, ${stage}`,
      from: lane.segment === null ? 'a cold lane' : `stage ${lane.stage + 1} of its plan`,
    },
  ];
}

function leaseOf({ lane, mtas }: LaneFacts): EffectiveLimit {
  return {
    limit: 'processes that send',
    value: String(mtas),
    from: mtas === 0 ? `no MTA process of node ${lane.node} has a lease` : `leases of node ${lane.node}`,
  };
}
