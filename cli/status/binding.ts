/**
 * Says why: the rule that keeps a lane from sending its next message now. Pure; the order is that of the MTA, which
 * asks phase, lease and holds before it asks for a unit of the grant.
 */
import { guardMs, type Window } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { type Hold, holdsOnLane } from '../../policy/holds.ts';
import { maySend } from '../../policy/lane.ts';
import { unitsDue } from '../../policy/pacing.ts';
import type { GrantRow } from '../../store/grants.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { holdText } from './hold-text.ts';

export interface Binding {
  /** phase, hold, mta, grant, window, pace, hour, rolling-24h, or none: mail goes as it comes. */
  readonly rule: string;
  readonly says: string;
  /** When the rule lets the next unit go, ms; null: not by itself, or not known. */
  readonly nextAt: number | null;
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
}

export function whatBinds(input: BindingInput): Binding {
  const { lane, cold, now, grant } = input;
  const stop = (rule: string, says: string, nextAt: number | null = null): Binding => ({ rule, says, nextAt });
  if (lane.phase === 'planned') return stop('phase', `not started: ./rampart warmup start ${lane.address}`);
  if (!maySend(lane.phase)) return stop('phase', `${lane.phase}: sends nothing`);

  const held = holdsOnLane(input.holds, { ...lane, cold }, now);
  if (held[0] !== undefined) {
    const more = held.length > 1 ? ` and ${held.length - 1} more` : '';
    return stop('hold', `${holdText(held[0])}${more}`, held.length === 1 ? held[0].until : null);
  }
  if (!input.mta) return stop('mta', `no MTA process runs on node ${lane.node}: see ./rampart doctor`);
  if (!cold && grant === undefined) return stop('none', 'nothing: mail goes as it comes');
  if (grant === undefined) {
    return input.window.sends
      ? stop('grant', 'no grant for this window: no decision was made, and the last grant has ended')
      : stop('window', 'not a send day', input.window.end);
  }
  return { ...granted(input, grant), ...(grant.origin === 'carried' ? { says: carried(input, grant) } : {}) };
}

function granted({ cold, window, now, previous }: BindingInput, grant: GrantRow): Binding {
  const left = grant.units - grant.handed;
  if (!cold) {
    return left > 0
      ? { rule: 'none', says: 'nothing: mail goes as it comes', nextAt: null }
      : { rule: 'grant', says: `normal limit of ${grant.units} a day is used up`, nextAt: grant.end };
  }
  const due = unitsDue(grant, previous, now, guardMs(window));
  switch (due.binds) {
    case 'grant':
      return { rule: 'grant', says: `${grant.handed} of ${grant.units} used`, nextAt: grant.end };
    case 'window':
      return { rule: 'window', says: 'outside the send hours', nextAt: due.nextAt ?? grant.end };
    case 'pace':
      return { rule: 'pace', says: 'paced evenly over the day', nextAt: due.nextAt };
    case 'hour':
      return { rule: 'hour', says: 'twice the even share of this hour is used', nextAt: due.nextAt };
    case 'probing':
      return { rule: 'probing', says: 'probes one message at a time', nextAt: due.nextAt };
    case 'rolling-24h':
      return { rule: 'rolling-24h', says: 'as much as a rolling 24 h may have is used', nextAt: due.nextAt };
    default:
      return { rule: 'none', says: `nothing: ${left} of ${grant.units} left`, nextAt: null };
  }
}

function carried(input: BindingInput, grant: GrantRow): string {
  const { says } = granted(input, grant);
  return `${says}; the grant is carried (${grant.carried} of ${DEFAULTS.carryWindows} windows): nobody decided this one`;
}
