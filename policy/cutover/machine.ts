/**
 * The cutover's state machine: phase × rung of its ladder (-1: nothing has moved yet).
 *
 *   preparing ──advance──▶ running                  baseline taken, messages compared, the grants carry the first rung
 *   running ──advance──▶ running (next rung) ──advance──▶ watching (last rung)
 *   preparing | running ──ask──▶ waiting            the rung has passed, and a person or a webhook must say yes
 *   waiting ──approve──▶ running | watching (next rung)      waiting ──doubt──▶ preparing | running
 *                                                   what it passed on no longer holds: it is asked again later
 *   any with a way on ──hold──▶ holding ──resume──▶ preparing | running | watching    the share stays where it is
 *   waiting | running | holding | stepped-back | watching ──step-back──▶ stepped-back (a rung lower)
 *                                                   from the first rung: rolled-back, for below it is nothing
 *   stepped-back ──recover──▶ running               after the cool-down, at the rung it stepped back to
 *   any open ──rollback──▶ rolled-back              to nothing, or to a rung below; a person decides what is next
 *   rolled-back ──resume──▶ preparing | running     mended: from nothing it prepares again, else it goes on at its rung
 *   watching ──reverse──▶ rolled-back ──…           the one command that takes all of it back
 *   watching ──complete──▶ done                     the watch is over: the old arm keeps no floor any more
 *   any open ──abort──▶ aborted                     all mail takes the old arm again, and there is no cutover
 *
 * Only `advance` and `approve` raise what the new arm gets; everything else leaves or lowers it. `done` and `aborted` are
 * the ends. A hold in the watch keeps the watch open; a hold of what was rolled back changes nothing.
 */

export const CUTOVER_PHASES = [
  'preparing',
  'waiting',
  'running',
  'holding',
  'stepped-back',
  'rolled-back',
  'watching',
  'done',
  'aborted',
] as const;
export type CutoverPhase = (typeof CUTOVER_PHASES)[number];

export const CUTOVER_EVENTS = [
  'advance',
  'ask',
  'doubt',
  'approve',
  'hold',
  'resume',
  'step-back',
  'recover',
  'rollback',
  'reverse',
  'complete',
  'abort',
] as const;
export type CutoverEvent = (typeof CUTOVER_EVENTS)[number];

export interface CutoverState {
  readonly phase: CutoverPhase;
  /** Rung of the ladder that is in force; -1: all mail takes the old arm. */
  readonly rung: number;
}

/** Events that give the new arm more mail. */
export const RAISING: readonly CutoverEvent[] = ['advance', 'approve'];

/** Phases nothing leads out of. */
export function isOver(phase: CutoverPhase): boolean {
  return phase === 'done' || phase === 'aborted';
}

/** What goes on at a rung of a ladder of so many when nothing keeps it. */
function phaseAt(rung: number, rungs: number): CutoverPhase {
  if (rung < 0) return 'preparing';
  return rung >= rungs - 1 ? 'watching' : 'running';
}

/**
 * The state an event leads to, or undefined where it is not legal. `rungs`: how many the ladder has. `to`: the rung a
 * raise skips to (default: the next one) or a rollback goes down to (default: -1).
 */
export function cutoverAfter(
  state: CutoverState,
  event: CutoverEvent,
  rungs: number,
  to?: number,
): CutoverState | undefined {
  const { phase, rung } = state;
  if (isOver(phase)) return undefined;
  const at = (rung: number): CutoverState => ({ phase: phaseAt(rung, rungs), rung });
  const stays = (phase: CutoverPhase): CutoverState => ({ phase, rung });
  switch (event) {
    case 'advance':
    case 'approve': {
      const raises = event === 'advance' ? phase === 'preparing' || phase === 'running' : phase === 'waiting';
      const next = to ?? rung + 1;
      return raises && next > rung && next < rungs ? at(next) : undefined;
    }
    case 'ask':
      return phase === 'preparing' || phase === 'running' ? stays('waiting') : undefined;
    case 'doubt':
      return phase === 'waiting' ? at(rung) : undefined;
    case 'hold':
      return phase === 'rolled-back' ? stays('rolled-back') : stays('holding');
    case 'resume':
      return phase === 'holding' || phase === 'rolled-back' ? at(rung) : undefined;
    case 'step-back':
      if (rung < 0 || phase === 'rolled-back') return undefined;
      return rung === 0 ? { phase: 'rolled-back', rung: -1 } : { phase: 'stepped-back', rung: rung - 1 };
    case 'recover':
      return phase === 'stepped-back' ? at(rung) : undefined;
    case 'rollback': {
      const down = to ?? -1;
      return down < rung || (down === -1 && rung === -1) ? { phase: 'rolled-back', rung: down } : undefined;
    }
    case 'reverse':
      return rung === rungs - 1 && (phase === 'watching' || phase === 'holding')
        ? { phase: 'rolled-back', rung: -1 }
        : undefined;
    case 'complete':
      return phase === 'watching' ? stays('done') : undefined;
    case 'abort':
      return { phase: 'aborted', rung: -1 };
  }
}
