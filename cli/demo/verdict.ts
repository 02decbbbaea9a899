/**
 * Did the demo hold what it promises? Pure. Volumes come from what the lab's servers received, never from our own
 * counters; our rows say only what was allowed, what was decided, and where a message that was not delivered is.
 */
import type { Judgement } from '../../lab/judge.ts';
import type { InjectedLine } from '../../lab/records.ts';
import { heldShare, type Stretch } from './held.ts';

export interface DecisionFact {
  readonly address: string;
  readonly provider: string;
  readonly window: number;
  readonly kind: string;
  readonly toPhase: string;
}

export interface GrantFact {
  readonly address: string;
  readonly provider: string;
  readonly windowIndex: number;
  readonly start: number;
  readonly end: number;
  readonly units: number;
  readonly planUnits: number;
  readonly segment: string;
  /** The lane was ramping: a warm lane's limit is not meant to be used up. */
  readonly ramping: boolean;
}

export interface VerdictInput {
  readonly cold: string;
  readonly judgement: Judgement;
  readonly injected: readonly InjectedLine[];
  readonly grants: readonly GrantFact[];
  readonly decisions: readonly DecisionFact[];
  readonly finalPhases: readonly { readonly provider: string; readonly phase: string }[];
  /** Holds on the cold address's lanes: what they stopped is not "not used". */
  readonly stretches: readonly Stretch[];
  /** Lanes the scenario injures (a clampdown). */
  readonly injured: readonly string[];
  readonly inDoubt: number;
  /** The last instant at which demand was still coming, ms. */
  readonly until: number;
}

export interface Condition {
  readonly name: string;
  readonly holds: boolean;
  readonly detail: string;
}

export interface Use {
  readonly provider: string;
  readonly windowIndex: number;
  readonly grant: number;
  readonly demand: number;
  readonly received: number;
  readonly enough: boolean;
}

const SEGMENTS = ['engaged-30d', '60d', '90d', 'all'];
const USED = 0.9;

/** What holds in any world, kind or not: no mail beyond a grant, no grant beyond the plan, no message lost or doubled. */
export function promises(input: VerdictInput): Condition[] {
  const { judgement, cold } = input;
  const over = judgement.perLaneWindow.filter((window) => window.over > 0);
  const coldWindows = judgement.perLaneWindow.filter((window) => window.address === cold);
  const overPlan = input.grants.filter((grant) => grant.address === cold && grant.units > grant.planUnits);
  const doubled = judgement.duplicates.reduce((sum, one) => sum + one.times - 1, 0);
  const extra = judgement.overPairs.length + judgement.ungranted.length;
  return [
    {
      name: 'no lane and window exceeded its grant',
      holds: over.length === 0 && extra === 0 && coldWindows.length > 0,
      detail: `${judgement.perLaneWindow.length} lane-windows, ${over.length} over, ${judgement.overPairs.length} adjacent pairs over, ${judgement.ungranted.length} messages without a grant`,
    },
    {
      name: 'every grant stays within its plan row',
      holds: overPlan.length === 0 && input.grants.length > 0,
      detail: `${input.grants.length} grants, ${overPlan.length} above the plan`,
    },
    {
      name: 'every injected message is accounted for, none lost or doubled',
      holds: judgement.lost.length === 0 && doubled <= input.inDoubt && judgement.unknown.length === 0,
      detail: `${input.injected.length} injected, ${judgement.lost.length} lost, ${doubled} doubled (${input.inDoubt} in doubt), ${judgement.unknown.length} unknown`,
    },
  ];
}

/** What the demo promises of its own worlds. */
export function conditions(input: VerdictInput): Condition[] {
  const use = uses(input);
  const idle = use.filter((one) => !one.enough);
  const steppedBack = new Set(of(input, 'step-back').map((decision) => decision.provider));
  const wrongly = [...steppedBack].filter((provider) => !input.injured.includes(provider));
  const recovered = [...steppedBack].filter((provider) =>
    input.finalPhases.some((lane) => lane.provider === provider && lane.phase === 'warm'),
  );
  const notWarm = input.finalPhases.filter((lane) => lane.phase !== 'warm');
  return [
    ...promises(input),
    {
      name: 'at least 90% of each grant was used where demand allowed it',
      holds: idle.length === 0 && use.length > 0,
      detail: `${use.length} lane-windows with demand, ${idle.length} below${idle.length === 0 ? '' : `: ${idle.slice(0, 4).map(sayUse).join(', ')}`}`,
    },
    {
      name: 'only the injured lanes stepped back',
      holds: wrongly.length === 0,
      detail: steppedBack.size === 0 ? 'none stepped back' : [...steppedBack].join(', '),
    },
    {
      name: 'at least one lane stepped back and recovered',
      holds: recovered.length > 0,
      detail: recovered.length === 0 ? 'none' : recovered.join(', '),
    },
    {
      name: 'every lane ends warm',
      holds: notWarm.length === 0 && input.finalPhases.length > 0,
      detail:
        notWarm.length === 0
          ? `${input.finalPhases.length} lanes`
          : notWarm.map((lane) => `${lane.provider} is ${lane.phase}`).join(', '),
    },
  ];
}

function of(input: VerdictInput, kind: string): DecisionFact[] {
  return input.decisions.filter((decision) => decision.address === input.cold && decision.kind === kind);
}

/** Use of each cold grant, for windows that had demand from end to end. */
export function uses(input: VerdictInput): Use[] {
  return input.grants
    .filter((grant) => grant.address === input.cold && grant.ramping && grant.units > 0 && grant.end <= input.until)
    .map((grant) => {
      const share = 1 - heldShare(grant, input.stretches);
      const admitted = SEGMENTS.slice(0, SEGMENTS.indexOf(grant.segment) + 1);
      const arrivals = input.injected
        .filter(
          (line) =>
            line.provider === grant.provider &&
            line.t >= grant.start &&
            line.t < grant.end &&
            admitted.includes(line.segment),
        )
        .map(({ t }) => t);
      const demand = arrivals.length;
      const window = input.judgement.perLaneWindow.find(
        (one) =>
          one.address === grant.address && one.provider === grant.provider && one.windowIndex === grant.windowIndex,
      );
      const received = window?.received ?? 0;
      // A hold cut the window: only what an even pace allows outside of it can be asked for.
      const could = Math.min(grant.units * share, carriable(grant, arrivals));
      const enough = share < 1 ? received >= Math.floor(USED * could) - 1 : received >= USED * could;
      return { provider: grant.provider, windowIndex: grant.windowIndex, grant: grant.units, demand, received, enough };
    });
}

/**
 * Messages (arrivals in ms) that found a unit due when they came, units coming due at an even pace: the others went by the
 * warm address at once, and a unit that is left when the window closes had nobody to carry.
 */
export function carriable(
  { units, start, end }: Pick<GrantFact, 'units' | 'start' | 'end'>,
  arrivals: readonly number[],
): number {
  let used = 0;
  for (const at of arrivals.toSorted((a, b) => a - b)) {
    const due = Math.min(units, Math.floor(((at - start) / (end - start)) * units) + 1);
    if (used < due) used += 1;
  }
  return used;
}

function sayUse(use: Use): string {
  return `${use.provider} window ${use.windowIndex} ${use.received} of ${use.grant} (demand ${use.demand})`;
}
