/**
 * The way back from quarantine: a re-check, then probing, then a cool-down like after a step back.
 *
 * A quarantined lane is released when no pause reason is left on it. A person lifts the provider's refusal by name, after
 * delisting; refusals that pass by themselves have a time after which they end, so that the lane may look again. Either
 * way nobody's word is taken for it: a few messages go out, one a minute, and what the provider answers decides.
 * Waits: docs/defaults.md ("quarantine").
 */
import { DEFAULTS } from './defaults.ts';
import type { PauseReason, Phase } from './lane.ts';

/** What the provider answered since a lane began to probe. */
export interface ProbeAnswers {
  readonly accepted: number;
  /** Refused for the sender's sake: blocks, and answers that name reputation or a listing. */
  readonly refused: number;
}

const HOUR = 3_600_000;

/** Cause of the hold on a lane whose probes were refused. */
export const PROBES_REFUSED = 'incident:probes-refused';

/**
 * Plan ms after which a refusal is looked at again without a person, by the rule that read it. Google's rate blocks pass;
 * Microsoft's lists (S3140, S3150, 5.7.606) and Yahoo's permanent deferrals (TSS09, TS03) end when somebody has asked.
 */
const RECHECK_MS: Readonly<Record<string, number>> = {
  'google-rate-blocked': 24 * HOUR,
  'google-unusual-rate-blocked': 24 * HOUR,
  'google-low-reputation-blocked': 24 * HOUR,
  'probes-refused': 24 * HOUR,
};

/**
 * When a hold's cause (`incident:<rule>`) is looked at again without a person, plan ms; null: a person must lift it, as
 * after `failed` probings in a row that found nothing better.
 */
export function recheckAfter(cause: string, failed: number): number | null {
  const wait = RECHECK_MS[cause.replace(/^incident:/, '')];
  return wait === undefined || failed >= DEFAULTS.probing.tries ? null : wait;
}

export interface QuarantinedLane {
  readonly phase: Phase;
  readonly ceiling: number;
}

/** Messages a day a lane may send while it probes. */
export function probeUnits(ceiling: number): number {
  return Math.min(ceiling, DEFAULTS.probing.units);
}

/** What becomes of a lane in quarantine or probing; `null`: nothing now. */
export interface WayBack {
  readonly event: 'release' | 'reenter' | 'quarantine' | 'hold';
  readonly reason: string;
}

export function wayBack(
  lane: QuarantinedLane,
  seen: {
    readonly final: boolean;
    readonly paused: readonly PauseReason[];
    /** What crossed a gate or was refused since it began to probe, in words. */
    readonly stop: string | null;
    readonly probes: ProbeAnswers;
    /** Which lists have its address, since when; null or absent: none. */
    readonly listed?: string | null;
    /** What the seeds say against it; null or absent: nothing. */
    readonly placed?: string | null;
  },
): WayBack | null {
  const { final, paused, stop, probes, listed = null, placed = null } = seen;
  if (lane.phase === 'quarantined') {
    if (!final) return null;
    if (paused.length === 0)
      return { event: 'release', reason: 'nothing keeps it in quarantine any more: probes first' };
    if (listed !== null) return { event: 'hold', reason: `quarantined: ${listed}` };
    return { event: 'hold', reason: 'quarantined: waits until its refusal ends or a person lifts it by name' };
  }
  if (stop !== null) return { event: 'quarantine', reason: stop };
  if (probes.refused > 0)
    return { event: 'quarantine', reason: `${probes.refused} of its probes were refused: quarantined again` };
  if (!final) return null;
  const needed = Math.min(DEFAULTS.probing.accepted, Math.ceil(probeUnits(lane.ceiling) / 2));
  if (paused.length > 0) return { event: 'hold', reason: `paused: ${paused.join(', ')}` };
  if (probes.accepted < needed)
    return { event: 'hold', reason: `probing: ${probes.accepted} of ${needed} messages accepted` };
  if (placed !== null) return { event: 'hold', reason: `probing: its mail is accepted and not shown (${placed})` };
  return { event: 'reenter', reason: `${probes.accepted} probes accepted, none refused: cools down` };
}
