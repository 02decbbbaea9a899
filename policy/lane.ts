/**
 * The lane's state machine: phase × stage × pause reasons.
 *
 *   planned ──start──▶ ramping ⇄ holding            hold freezes the ceiling, advance goes on from either
 *   ramping | holding | graduating ──step-back──▶ stepped-back ──step-back──▶ stepped-back (further down)
 *   stepped-back ──recover──▶ ramping               after the cool-down, at the stage it stepped back to
 *   ramping | holding ──graduate──▶ graduating ──advance──▶ graduating ──complete──▶ warm    (no cliff at the end)
 *   warm ──step-back──▶ stepped-back                a warm lane that fails is judged like any other
 *   stepped-back ──start──▶ ramping                 one that follows no plan (it was declared warm) gets one
 *   warm ──idle──▶ cooling ──advance──▶ cooling ──complete──▶ warm   sends again under grants, from a decayed ceiling
 *   warm ──outgrow──▶ graduating                    it was capped for want of mail, and has it now: grows on by its gates
 *   cooling ──start──▶ ramping                      a plan of its own replaces the way back
 *   any ──quarantine──▶ quarantined ──release──▶ probing ──reenter──▶ stepped-back
 *                                                   released when no pause reason is left: a person lifted it by name, or
 *                                                   its time for a re-check came; probes decide, and it cools down like a
 *                                                   lane that stepped back
 *   any but warm ──abort──▶ planned                 its ramp was ended; start begins a new one
 *
 * Pause reasons stand apart from the phase: a lane that is paused keeps its phase and stage, may still step back or be
 * quarantined (safety is one-directional), and may not be raised by anything until the reasons are gone. Each reason is
 * lifted on its own: `freeze` (the ceiling stays) is one, beside those that stop mail.
 */

export const PHASES = [
  'planned',
  'ramping',
  'holding',
  'stepped-back',
  'quarantined',
  'probing',
  'graduating',
  'warm',
  'cooling',
] as const;
export type Phase = (typeof PHASES)[number];

export const LANE_EVENTS = [
  'start',
  'advance',
  'hold',
  'step-back',
  'recover',
  'graduate',
  'complete',
  'idle',
  'outgrow',
  'quarantine',
  'release',
  'reenter',
  'abort',
] as const;
export type LaneEvent = (typeof LANE_EVENTS)[number];

export type PauseReason = 'operator' | 'gate' | 'incident' | 'freeze' | 'no-data';

const TABLE: Readonly<Record<Phase, Partial<Record<LaneEvent, Phase>>>> = {
  planned: { start: 'ramping', quarantine: 'quarantined' },
  ramping: {
    advance: 'ramping',
    hold: 'holding',
    'step-back': 'stepped-back',
    graduate: 'graduating',
    quarantine: 'quarantined',
    abort: 'planned',
  },
  holding: {
    advance: 'ramping',
    hold: 'holding',
    'step-back': 'stepped-back',
    graduate: 'graduating',
    quarantine: 'quarantined',
    abort: 'planned',
  },
  'stepped-back': {
    start: 'ramping',
    hold: 'stepped-back',
    'step-back': 'stepped-back',
    recover: 'ramping',
    quarantine: 'quarantined',
    abort: 'planned',
  },
  quarantined: { hold: 'quarantined', quarantine: 'quarantined', release: 'probing', abort: 'planned' },
  // No step back: below a message a minute there is only quarantine.
  probing: {
    hold: 'probing',
    quarantine: 'quarantined',
    reenter: 'stepped-back',
    abort: 'planned',
  },
  graduating: {
    advance: 'graduating',
    hold: 'graduating',
    'step-back': 'stepped-back',
    complete: 'warm',
    quarantine: 'quarantined',
    abort: 'planned',
  },
  warm: {
    outgrow: 'graduating',
    hold: 'warm',
    'step-back': 'stepped-back',
    idle: 'cooling',
    quarantine: 'quarantined',
  },
  cooling: {
    start: 'ramping',
    advance: 'cooling',
    hold: 'cooling',
    'step-back': 'stepped-back',
    complete: 'warm',
    quarantine: 'quarantined',
    abort: 'planned',
  },
};

/** Events that raise what a lane may send. A start is an operator's own decision, and what it grants waits for its pause. */
const RAISES: readonly LaneEvent[] = ['advance', 'graduate', 'outgrow', 'complete', 'recover', 'release', 'reenter'];

/** The phase an event leads to, or undefined where the event is not legal. */
export function transition(phase: Phase, event: LaneEvent, paused: readonly PauseReason[]): Phase | undefined {
  if (paused.length > 0 && RAISES.includes(event)) return undefined;
  return TABLE[phase][event];
}

/** Phases in which a lane sends only under a grant that somebody decided. */
export function isCold(phase: Phase): boolean {
  return phase !== 'warm';
}

/** Phases in which a lane may send at all, given a grant. */
export function maySend(phase: Phase): boolean {
  return phase !== 'planned' && phase !== 'quarantined';
}
