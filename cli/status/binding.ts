/**
 * Says why: the rule that keeps a lane from sending its next message now. Pure; the order is that of the MTA, which
 * asks phase, lease and holds before it asks for a unit of the grant.
 */
import { guardMs, type Window } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { type Hold, holdsOnLane } from '../../policy/holds.ts';
import { maySend } from '../../policy/lane.ts';
import { unitsDue } from '../../policy/pacing.ts';
import { nextSending } from '../../policy/ranges/stagger.ts';
import type { GrantRow } from '../../store/grants.ts';
import type { JointBudgetRow } from '../../store/joint-budget.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { Waiting } from '../../store/ranges.ts';
import { stamp } from '../terminal/time.ts';
import { holdText } from './hold-text.ts';
import { liftText, releaseText } from './lift.ts';

export interface Binding {
  /** phase, hold, mta, bind, grant, window, pace, hour, rolling-24h, or none: mail goes as it comes. */
  readonly rule: string;
  readonly says: string;
  /** When the rule lets the next unit go, ms; null: not by itself, or not known. */
  readonly nextAt: number | null;
  /** What changes it, for people: a command, or a key of the configuration. null: nothing is to be changed. */
  readonly change: string | null;
}

export interface BindingInput {
  readonly lane: LaneRow;
  readonly cold: boolean;
  readonly holds: readonly Hold[];
  /** Whether an MTA process of the address's node lives. */
  readonly mta: boolean;
  readonly window: Window;
  readonly grant: GrantRow | undefined;
  readonly previous: GrantRow | undefined;
  readonly now: number;
  /** What the pool's cold lanes have together in this window, where that was reckoned. */
  readonly joint?: JointBudgetRow | undefined;
  /** Its address's turn in a range that has not come. */
  readonly turn?: Waiting | undefined;
}

export function whatBinds(input: BindingInput): Binding {
  const { lane, cold, now, grant } = input;
  const stop = (
    rule: string,
    says: string,
    { nextAt = null, change = null }: { nextAt?: number | null; change?: string | null } = {},
  ): Binding => ({ rule, says, nextAt, change });
  const start = `./rampart warmup start ${lane.address}`;
  if (lane.phase === 'planned' && input.turn !== undefined)
    return stop('phase', turnText(input.turn, lane, now), {
      change: `./rampart warmup withdraw ${lane.address} --reason '…'`,
    });
  if (lane.phase === 'planned') return stop('phase', `not started: ${start}`, { change: start });

  const held = holdsOnLane(input.holds, { ...lane, cold }, now);
  const [first] = held;
  const more = held.length > 1 ? ` and ${held.length - 1} more` : '';
  if (!maySend(lane.phase)) {
    const by = first === undefined ? '' : `: ${holdText(first)}${more}`;
    return stop('phase', `${lane.phase}: sends nothing${by}`, { change: releaseText(lane, held) });
  }
  if (first !== undefined) {
    const nextAt = held.length === 1 ? first.until : null;
    return stop('hold', `${holdText(first)}${more}`, { nextAt, change: liftText(first) });
  }
  if (!input.mta)
    return stop('mta', `no MTA process runs on node ${lane.node}: see ./rampart doctor`, {
      change: './rampart up, or ./rampart mta on that node',
    });
  if (!cold && grant === undefined) return stop('none', 'nothing: mail goes as it comes');
  // A day without sending has a grant of nothing, or none: its own hours say nothing.
  if (cold && !input.window.sends)
    return stop('window', 'not a send day', { nextAt: sendsNext(input), change: SEND_TIMES });
  if (grant === undefined)
    return stop('grant', 'no grant for this window: no decision was made, and the last grant has ended', {
      change: 'a worker decides: ./rampart doctor says whether one runs',
    });
  return { ...granted(input, grant), ...(grant.origin === 'carried' ? { says: carried(input, grant) } : {}) };
}

/** A lane whose address can not be bound looks free, and its mail goes nowhere. */
export function notBound({ address }: LaneRow): Binding {
  const says = 'nothing was sent from it yet, and its preflight could not bind it';
  return {
    rule: 'bind',
    says,
    nextAt: null,
    change: `./rampart warmup preflight ${address} looks again, and says how`,
  };
}

/** When an address begins that waits in a range, and what keeps it where that is over. */
function turnText({ written, dueAt, says }: Waiting, { calendar }: LaneRow, now: number): string {
  const when = stamp(dueAt, calendar.kind === 'civil' ? calendar.zone : 'UTC');
  if (says !== null) return `waits in range ${written}: ${says}`;
  if (dueAt > now) return `begins ${when}, its turn in range ${written}`;
  return `its turn in range ${written} came ${when}: a worker begins it, see ./rampart doctor`;
}

/** When cold mail goes again after this window, ms. */
function sendsNext({ window, lane }: BindingInput): number {
  return nextSending(window, lane.calendar).sendFrom;
}

/** Where days and hours of cold mail come from. */
const SEND_TIMES = 'calendar (or plans.<name>.calendar) in the configuration';

function granted(input: BindingInput, grant: GrantRow): Binding {
  const { lane, cold, window, now, previous, joint } = input;
  const left = grant.units - grant.handed;
  const used = `${grant.handed} of ${grant.units} used`;
  const none = (says: string): Binding => ({ rule: 'none', says, nextAt: null, change: null });
  if (!cold) {
    if (left > 0) return none('nothing: mail goes as it comes');
    const change = `pools.${lane.pool}.addresses: normal (of ${lane.address}) in the configuration`;
    return { rule: 'grant', says: `normal limit of ${grant.units} a day is used up`, nextAt: grant.end, change };
  }
  // More than its stage gives is a matter of evidence: this asks the gates, and says what is missing.
  const raise = `./rampart warmup advance ${lane.address} --provider ${lane.provider} --reason '…'`;
  const due = unitsDue(grant, previous, now, guardMs(window));
  const binds = (says: string, change: string | null = raise): Binding => ({
    ...{ rule: due.binds, says, change },
    nextAt: due.nextAt,
  });
  switch (due.binds) {
    case 'grant':
      if (joint !== undefined && joint.trimmed > 0 && grant.units < grant.planUnits) {
        const all = `the ${joint.lanes} cold lanes of pool ${lane.pool} may send ${joint.budget} there together today`;
        return { ...binds(`${used}, and its plan says ${grant.planUnits}: ${all}`, null), nextAt: grant.end };
      }
      return { ...binds(used), nextAt: grant.end };
    case 'window':
      return { ...binds('outside the send hours', SEND_TIMES), nextAt: due.nextAt ?? sendsNext(input) };
    case 'pace':
      return binds(`${used}, paced evenly over the day`);
    case 'hour':
      return binds(`${used}, and twice the even share of this hour`);
    case 'probing':
      return binds(`${used}: probes one message at a time`, null);
    case 'rolling-24h':
      return binds(`${used}, and as much as a rolling 24 h may have`);
    default:
      return none(`nothing: ${left} of ${grant.units} left`);
  }
}

function carried(input: BindingInput, grant: GrantRow): string {
  const { says } = granted(input, grant);
  return `${says}; the grant is carried (${grant.carried} of ${DEFAULTS.carryWindows} windows): nobody decided this one`;
}
