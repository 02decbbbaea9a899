/**
 * What a person's order does to a cutover: an event of the machine, or a refusal that says the way out. Pure.
 *
 * Orders that leave or lower the share (hold, step-back, rollback, reverse, abort) are written straight to the rows, so that
 * they work with nothing but the database. Those that raise (advance, approve, resume) go through the workflow.
 */
import { type Difference, NOT_COMPARED } from './differences.ts';
import { type Rung, rungAt, rungBelow, rungText } from './ladder.ts';
import { type CutoverEvent, type CutoverState, cutoverAfter, isOver } from './machine.ts';
import type { MoveRules, Thresholds } from './split.ts';
import { lowered } from './thresholds.ts';

export const CUTOVER_VERBS = [
  'hold',
  'resume',
  'step-back',
  'advance',
  'approve',
  'rollback',
  'reverse',
  'complete',
  'abort',
] as const;
export type CutoverVerb = (typeof CUTOVER_VERBS)[number];

/** Verbs that need no worker and no Temporal. */
export const LOWERING: readonly CutoverVerb[] = ['hold', 'step-back', 'rollback', 'reverse', 'abort'];

export interface OrderInput {
  readonly verb: CutoverVerb;
  readonly front: string;
  readonly state: CutoverState;
  readonly ladder: readonly Rung[];
  /** Of a rollback: points it goes down to; absent: nothing. */
  readonly to?: number | undefined;
  /** Of a rollback: it says how fast mail goes back. */
  readonly paces?: boolean | undefined;
  /** The rung that is next, with mail to move. */
  readonly next?: number | undefined;
  /** Differences nobody has accepted. */
  readonly open: readonly Difference[];
}

export type OrderResult =
  | { readonly event: CutoverEvent; readonly state: CutoverState; readonly says: string }
  | { readonly refused: string };

export function orderOn(input: OrderInput): OrderResult {
  const { verb, front, state, ladder, next, open } = input;
  const status = `./rampart cutover status ${front}`;
  if (isOver(state.phase)) return { refused: `the cutover of ${front} is over (${state.phase}): start another one` };
  const done = (event: CutoverEvent, to?: number): OrderResult => {
    const after = cutoverAfter(state, event, ladder.length, to);
    if (after === undefined) return { refused: refusal(input, status) };
    return { event, state: after, says: `${event}: ${after.phase} at ${rungText(ladder, after.rung)}` };
  };
  switch (verb) {
    case 'rollback': {
      const to = input.to === undefined ? -1 : rungBelow(ladder, input.to);
      // The line is where it is to be, and what already goes back may do so at another pace.
      if (input.paces === true && to === state.rung && state.phase === 'rolled-back')
        return {
          event: 'rollback',
          state,
          says: `rollback: ${state.phase} at ${rungText(ladder, to)}, at another pace`,
        };
      if (to >= state.rung && state.rung >= 0)
        return { refused: `it stands at ${rungText(ladder, state.rung)} already: a rollback goes lower` };
      return done('rollback', to);
    }
    case 'advance':
    case 'approve': {
      if (open.length > 0 && state.rung < 0)
        return {
          refused: `differences between the arms are not accepted: ${open.map(({ name }) => name).join(', ')}: ./rampart cutover accept-differences ${front} NAME…`,
        };
      if (state.phase === 'rolled-back' || state.phase === 'holding')
        return { refused: `it is ${state.phase}: resume it first (./rampart cutover resume ${front})` };
      if (state.phase === 'stepped-back') return done('recover');
      return done(verb === 'approve' || state.phase === 'waiting' ? 'approve' : 'advance', next);
    }
    default:
      return done(verb);
  }
}

const HOUR_MS = 3_600_000;

export interface Fall {
  readonly thresholds: Thresholds;
  readonly step: null;
  readonly moves: MoveRules;
}

/**
 * The split of a state that is not above the one before: nothing is measured, so that it can be written at once. `moves`: what
 * becomes of the mail that waits in the new arm.
 */
export function fallTo(thresholds: Thresholds, ladder: readonly Rung[], rung: number, moves: MoveRules = {}): Fall {
  return { thresholds: lowered(thresholds, rungAt(ladder, rung)), step: null, moves };
}

/** What an order says of mail that goes back; undefined: nothing. */
export function movesGiven(order: {
  readonly attempted?: 'stay' | 'move' | undefined;
  /** 0: none goes back until another order. */
  readonly perDay?: number | undefined;
  /** Plan hours. */
  readonly spreadHours?: number | undefined;
}): MoveRules | undefined {
  const { attempted, perDay, spreadHours } = order;
  const moves: MoveRules = {
    ...(attempted === undefined ? {} : { attempted }),
    ...(perDay === undefined ? {} : { perDay: { '*': perDay } }),
    ...(spreadHours === undefined ? {} : { spreadMs: spreadHours * HOUR_MS }),
  };
  return Object.keys(moves).length === 0 ? undefined : moves;
}

/** Accepts differences by name; throws nothing: what is unknown is refused with what there is. */
export function accepted(
  front: string,
  differences: readonly Difference[] | null,
  names: readonly string[],
): { readonly names: readonly string[] } | { readonly refused: string } {
  if (differences === null) return { refused: `nothing was compared yet: ./rampart cutover status ${front}` };
  const known = differences.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length === 0) return { names };
  return {
    refused: `no difference is called ${unknown.join(', ')}: there ${known.length === 0 ? 'are none' : `is ${known.join(', ')}`}`,
  };
}

/** Differences that still keep the canary waiting. */
export function openDifferences(differences: readonly Difference[] | null, accepted: readonly string[]): Difference[] {
  return (differences ?? [NOT_COMPARED]).filter(({ name }) => !accepted.includes(name));
}

function refusal({ verb, front, state, ladder }: OrderInput, status: string): string {
  const at = `it is ${state.phase} at ${rungText(ladder, state.rung)}`;
  switch (verb) {
    case 'resume':
      return `${at}: nothing holds it (${status})`;
    case 'step-back':
      return state.rung < 0 ? `${at}: nothing has moved yet` : `${at}: roll it back or abort it`;
    case 'approve':
      return `${at}: it waits for no approval (${status})`;
    case 'advance':
      return `${at}: there is no further step`;
    case 'reverse':
      return `${at}: reverse takes back a cutover in its watch; here it is ./rampart cutover rollback ${front}`;
    case 'complete':
      return `${at}: complete ends the watch after the last step; ./rampart cutover advance ${front} takes a step`;
    default:
      return `${at}: ${verb} means nothing there`;
  }
}
