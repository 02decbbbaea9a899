/**
 * From evidence to one decision per lane: pure, so that a stored evidence row gives the same decision again.
 *
 * Order of the questions: must it stop (an incident, a gate that was crossed)? was it idle? is it paused? is it cooling
 * down? did it send enough to be judged? is nothing wrong, and was enough seen to notice? Automation may lower at any time; it
 * raises only in a window's last evaluation, at most once a window, with a pass on every metric that has a feed.
 */
import { volumeMissing } from './advance.ts';
import type { DecisionKind, LaneDecision, LaneInput, LaneState } from './decision.ts';
import { DEFAULTS } from './defaults.ts';
import { type Evidence, type Judgement, judge, stopsAt } from './evidence.ts';
import { listedBecause, listingVerdict } from './gates/listing.ts';
import { collapsesBesideWarm } from './gates/placement.ts';
import { acts, GATED, type Gated, type Gates, gatesOf } from './gates/settings.ts';
import { judgeSignal } from './gates/signals.ts';
import { hasRoom, normalAfter } from './graduation.ts';
import { decayedCeiling, idleRows, isIdle } from './idle.ts';
import { type LaneEvent, type PauseReason, transition } from './lane.ts';
import { growsToNormal } from './lane-grant.ts';
import { orderText } from './orders.ts';
import { type Plan, stageCount, stageOf } from './plan.ts';
import { wayBack } from './quarantine.ts';

const DAY = 86_400_000;

/** The decision for a lane, or null where this evaluation has nothing to say (a warm lane in order, a mid-window look). */
export function decide(input: LaneInput): LaneDecision | null {
  if (input.lane.phase === 'quarantined' || input.lane.phase === 'probing') return wayBackDecision(input);
  return stopDecision(input) ?? idleDecision(input) ?? (input.final ? finalDecision(input) : null);
}

/** Silence lowers a lane whatever else is true of it; only sending again lets it grow back. */
function idleDecision(input: LaneInput): LaneDecision | null {
  const { lane, plan, idle } = input;
  if (!isIdle(idle)) return null;
  if (lane.phase !== 'warm' && lane.phase !== 'cooling') return idleOnPlan(input);
  const ceiling = Math.min(lane.ceiling, decayedCeiling(lane, plan, idle));
  const why = `idle for ${Math.floor(idle / DAY)} days: cold again, from ${ceiling} a day`;
  if (lane.phase === 'warm') return apply(input, 'idle', 'step-back', why, { ceiling, clean: 0, retreat: true });
  return ceiling < lane.ceiling ? apply(input, 'hold', 'step-back', why, { ceiling, clean: 0, retreat: true }) : null;
}

/** The same for a lane that follows a plan: row by row, so that what it was silent for decides how far. */
function idleOnPlan(input: LaneInput): LaneDecision | null {
  const { lane, plan, idle } = input;
  const rows = idleRows(idle, input.sinceRetreat ?? Number.POSITIVE_INFINITY);
  if (plan === null || rows === 0) return null;
  const to = rowBelow(lane, plan, rows);
  // At the bottom already: nothing is left to forget.
  if (to.ceiling === lane.ceiling && to.stage === lane.stage) return null;
  const why = `idle for ${Math.floor(idle / DAY)} days: providers forget`;
  return apply(input, 'step-back', 'step-back', why, { ...to, clean: 0, retreat: true });
}

/**
 * Out of quarantine (policy/quarantine.ts): a lane that sends nothing has nothing more to stop. What crossed a gate while
 * it probed sends it back at once.
 */
function wayBackDecision(input: LaneInput): LaneDecision | null {
  const { lane, plan, final, paused } = input;
  const stop = input.crossed[0]?.reason ?? null;
  const seen = { final, paused, stop, probes: input.probes ?? { accepted: 0, refused: 0 } };
  const listed = listedBecause(input.listings ?? []);
  const step = wayBack(lane, { ...seen, listed, placed: probedPlacement(input) });
  if (step === null) return null;
  if (step.event === 'release') {
    const to = release(lane, plan, paused);
    if (to === undefined) return null;
    return { kind: 'resume', ...to, retreat: true, raised: false, reason: step.reason, judgements: [] };
  }
  const kind = step.event === 'reenter' ? 'resume' : step.event;
  return apply(input, step.event, kind, step.reason, step.event === 'reenter' ? { clean: 0 } : {}, []);
}

function stopDecision(input: LaneInput): LaneDecision | null {
  const incident = input.crossed.find((hold) => hold.cause.startsWith('incident:'));
  if (incident !== undefined) return apply(input, 'quarantine', 'quarantine', incident.reason);

  const gate = input.crossed.find((hold) => hold.cause.startsWith('gate:'));
  if (gate !== undefined)
    return input.plan === null
      ? apply(input, 'hold', 'hold', gate.reason)
      : stepBack(input, gate.reason, stepsOf(input, gate.cause));

  const pause = input.crossed.find((hold) => hold.cause.startsWith('pause:'));
  if (pause !== undefined) return apply(input, 'hold', 'pause', pause.reason);

  const blamed = input.week.find((evidence) => stepsBack(input, evidence));
  if (blamed !== undefined) return stepBack(input, judgedAs(input, blamed).says, stepsOf(input, blamed.metric));

  const seeds = input.week.find((one) => one.metric === 'placement');
  if (seeds !== undefined && acts(gatesFor(input).metrics.placement) && collapsesBesideWarm(seeds, input.placement))
    return stepBack(input, judgedAs(input, seeds).says, stepsOf(input, 'placement'));

  const signal = (input.signals ?? []).find((one) => !one.answered && judgeSignal(one).action === 'step-back');
  if (signal !== undefined) return stepBack(input, judgeSignal(signal).says);
  return null;
}

/**
 * Does this evidence step the lane back? Not where one campaign is to blame: it is suspended, and the lane holds. Seeds
 * never do by themselves; beside a metric that fails, a lane that fails the seeds as well is stepped back for both.
 */
function stepsBack(input: LaneInput, evidence: Evidence): boolean {
  const gates = gatesFor(input);
  if (stopsAt(evidence, gates) === null || evidence.sums?.blames) return false;
  const setting = gates.metrics[evidence.metric];
  if (!acts(setting)) return false;
  if (setting.action === 'step-back') return true;
  const seeds = input.week.find((one) => one.metric === 'placement');
  return seeds !== undefined && acts(gates.metrics.placement) && judgedAs(input, seeds).verdict === 'fail';
}

/** Stages a step back goes down, by what a gate's cause or metric is named. */
function stepsOf(input: LaneInput, cause: string): number {
  const name = cause.replace(/^gate:/, '');
  const metric = GATED.find((one): one is Gated => one === name);
  return metric === undefined ? 1 : gatesFor(input).metrics[metric].steps;
}

/**
 * Where a quarantined lane goes on when nothing keeps it there: it probes, a step lower, or at half where no plan says
 * how. One that was never started has nothing to probe with, and waits for its start again.
 */
export function release(
  lane: LaneState,
  plan: Plan | null,
  paused: readonly PauseReason[],
): Pick<LaneDecision, 'phase' | 'stage' | 'ceiling' | 'clean'> | undefined {
  if (paused.length > 0) return undefined;
  const phase = transition(lane.phase, lane.ceiling === 0 ? 'abort' : 'release', paused);
  if (phase === undefined) return undefined;
  return { phase, ...rowBelow(lane, plan, 1), clean: 0 };
}

/** So many rows down: the stage and what it may send, never more than now. Without a plan each one halves the ceiling. */
export function rowBelow(
  lane: Pick<LaneState, 'provider' | 'stage' | 'ceiling'>,
  plan: Plan | null,
  rows: number,
): { readonly stage: number; readonly ceiling: number } {
  if (plan === null) return { stage: lane.stage, ceiling: Math.ceil(lane.ceiling / 2 ** rows) };
  const top = stageCount(plan, lane.provider) - 1;
  const stage = Math.max(0, Math.min(lane.stage, top) - rows);
  const row = stageOf(plan, lane.provider, stage);
  return { stage, ceiling: Math.min(lane.ceiling, row?.ceiling ?? lane.ceiling) };
}

function stepBack(input: LaneInput, why: string, steps = 1): LaneDecision | null {
  const { lane, plan } = input;
  // A lane that was declared warm has no row to step back to: its hold stays and a person decides.
  if (plan === null) return input.final ? apply(input, 'hold', 'hold', why) : null;
  return apply(input, 'step-back', 'step-back', why, { ...rowBelow(lane, plan, steps), clean: 0, retreat: true });
}

function finalDecision(input: LaneInput): LaneDecision | null {
  const { lane } = input;
  if (lane.phase === 'planned' || (lane.phase === 'cooling' && isIdle(input.idle))) return null;
  if (input.paused.length > 0) return apply(input, 'hold', 'hold', pausedBecause(input));
  if (lane.phase === 'warm') return outgrown(input);
  if (lane.phase === 'stepped-back') return coolDown(input);

  const judgements = judged(input);
  const held = whyHold(input, judgements);
  // Only what failed breaks a row of good evaluations: too little mail, or too little seen, is no fault.
  const failed = judgements.some((one) => !one.dry && one.verdict === 'fail');
  if (held !== null) {
    const raised = promoted(input, held, judgements);
    if (raised !== null) return raised;
    const decision = apply(input, 'hold', 'hold', held, failed ? { clean: 0 } : {}, judgements);
    // Too little mail is no failure: the lane is in order and stays what it is.
    const little = judgements.some((one) => one.metric === 'utilisation' && one.says === held);
    if (little && hasRoom(lane.ceiling, input.demand)) return enough(input, judgements);
    return decision !== null && little ? { ...decision, phase: lane.phase } : decision;
  }
  const { consecutiveGood } = gatesFor(input);
  const clean = lane.clean + 1;
  if (clean < consecutiveGood) {
    const says = `all gates pass: evaluation ${clean} of the ${consecutiveGood} in a row that its plan asks for`;
    return promoted(input, says, judgements) ?? apply(input, 'hold', 'hold', says, { clean }, judgements);
  }
  return grow(input, judgements);
}

/** Nothing is wrong, and its ceiling has had room for all its mail: it ends here, two evaluations long, and is capped. */
function enough(input: LaneInput, judgements: readonly Judgement[]): LaneDecision | null {
  const { lane, demand } = input;
  const ends = lane.phase === 'graduating' || lane.phase === 'cooling';
  const says = `its mail needs no more: ${lane.ceiling} a day is ${DEFAULTS.demand.headroom} times its peak day of the last ${DEFAULTS.demand.lookbackWindows} (${demand?.peak ?? 0}) or more`;
  const [event, kind, then] = ends
    ? (['complete', 'complete', 'warm, capped there'] as const)
    : (['graduate', 'advance', 'graduates there'] as const);
  const decision = apply(input, event, kind, `${says}: ${then}`, {}, judgements);
  return decision === null ? null : { ...decision, normal: lane.ceiling };
}

/** A warm lane that was capped for want of mail, and has it now, grows on towards its plan's end: in steps, by its gates. */
function outgrown(input: LaneInput): LaneDecision | null {
  const { lane, plan, use } = input;
  if (plan === null || !(use.expected > 0) || volumeMissing(null, lane.ceiling, use) !== null) return null;
  const normal = normalAfter(plan, lane.provider, lane.normal);
  if (lane.normal >= normal) return null;
  const judgements = judged(input);
  if (whyHold(input, judgements) !== null) return null;
  const says = `its mail needs more than the ${lane.normal} a day it was capped at: grows on towards ${normal}`;
  const ceiling = Math.min(normal, Math.ceil(lane.ceiling * DEFAULTS.graduationGrowth));
  const decision = apply(input, 'outgrow', 'advance', says, { ceiling }, judgements);
  return decision === null ? null : { ...decision, normal };
}

/**
 * One step over gates that hold it, because a person answers for it: once, and never over what is no gate (a stop, a
 * pause, a step taken in this window already, a day that was cut short).
 */
function promoted(input: LaneInput, held: string, judgements: readonly Judgement[]): LaneDecision | null {
  const order = input.orders?.promote;
  const { lane, plan, use } = input;
  if (order === undefined || lane.advanced === input.window || input.prorated || use.stopped) return null;
  if (!(use.expected > 0) || (plan === null && lane.phase !== 'cooling')) return null;
  const step = grow(input, judgements);
  if (step === null) return null;
  return { ...step, reason: `promoted by ${order.actor} over "${held}": ${order.reason}`, uses: order };
}

function pausedBecause(input: LaneInput): string {
  const freeze = input.orders?.freeze;
  if (freeze !== undefined && input.paused.every((reason) => reason === 'freeze'))
    return `ceiling held by ${orderText(freeze)}`;
  const hold = input.operatorHolds[0];
  return hold === undefined ? `paused: ${input.paused.join(', ')}` : `paused by ${hold.actor}: ${hold.reason}`;
}

function coolDown(input: LaneInput): LaneDecision | null {
  if (input.plan === null)
    return apply(input, 'hold', 'hold', 'it follows no plan: start a warmup to let it grow again');
  const judgements = judged(input);
  const dirty = judgements.find((j) => j.verdict === 'fail' && !j.dry);
  if (dirty !== undefined) return apply(input, 'hold', 'hold', `cool-down begins again: ${dirty.says}`, { clean: 0 });
  const clean = input.lane.clean + 1;
  const { coolDownEvaluations } = DEFAULTS;
  if (clean < coolDownEvaluations) {
    return apply(
      input,
      'hold',
      'hold',
      `cool-down: clean evaluation ${clean} of ${coolDownEvaluations}`,
      { clean },
      judgements,
    );
  }
  return apply(input, 'recover', 'resume', `${clean} clean evaluations: ramps again`, { clean: 0 }, judgements);
}

/** Its plan's gates, or those that are configured for lanes without one. */
function gatesFor(input: LaneInput): Gates {
  return gatesOf(input.plan === null ? input.gates : input.plan.gates, input.lane.provider);
}

/** What the seeds say of a lane that probes: only what fails, in words. */
function probedPlacement(input: LaneInput): string | null {
  const seeds = input.week.find((one) => one.metric === 'placement');
  if (seeds === undefined || !acts(gatesFor(input).metrics.placement)) return null;
  const { verdict, says } = judgedAs(input, seeds);
  return verdict === 'fail' ? says : null;
}

function judged(input: LaneInput): Judgement[] {
  const lists = input.listings === undefined ? [] : [listingVerdict(input.listings)];
  return [...input.week.map((evidence) => judgedAs(input, evidence)), ...lists, utilisation(input)];
}

function judgedAs(input: LaneInput, evidence: Evidence): Judgement {
  const { lane, use } = input;
  // Plan hours: what it has sent of what it might have is what it will send.
  const share = use.expected > 0 ? Math.min(1, use.sent / use.expected) : 1;
  return judge(evidence, {
    nextCeiling: nextCeiling(input),
    gates: gatesFor(input),
    placement: input.placement,
    perHour: (lane.ceiling * share) / 24,
  });
}

/** How much of what it might have sent it did: shown with the gates, asked by the plan's own rule (advance.ts). */
function utilisation(input: LaneInput): Judgement {
  const { lane, use } = input;
  const missing = volumeMissing(growsToNormal(lane.phase) ? null : input.plan, lane.ceiling, use);
  const rate = use.expected > 0 ? use.sent / use.expected : 0;
  return {
    ...{ metric: 'utilisation', feed: 'ok', trials: Math.floor(use.expected), events: use.sent, awaiting: 0 },
    ...{ from: 0, to: 0, rate, interval: [rate, rate], limit: DEFAULTS.minUtilisation, needs: null },
    verdict: missing === null ? 'pass' : 'insufficient',
    says: missing ?? `${use.sent} sent of ${Math.floor(use.expected)}`,
  };
}

/** Why a lane that was raised waits for the next window. */
export const ADVANCED_ALREADY = 'advanced in this window already';

function whyHold(input: LaneInput, judgements: readonly Judgement[]): string | null {
  const { lane, use } = input;
  if (input.plan === null && lane.phase !== 'cooling') return 'it follows no plan: nothing says how far it may grow';
  if (lane.advanced === input.window) return ADVANCED_ALREADY;
  if (input.prorated) return 'the first day was a part of a day: its stage repeats';
  const campaign = input.campaigns[0];
  if (campaign !== undefined) {
    return `campaign ${campaign.name} is suspended for dead addresses; this lane carried ${campaign.bounces} of its hard bounces`;
  }
  const signal = (input.signals ?? []).map(judgeSignal).find((one) => one.action !== 'observe');
  if (signal !== undefined) return signal.says;
  const gates = judgements.filter((j) => j.metric !== 'utilisation' && !j.dry);
  // Placement is a tripwire: too few probes do not block, a collapse or a blind sensor does.
  const blockers = gates.filter(
    (j) => j.verdict === 'fail' || j.verdict === 'stale' || (j.verdict === 'insufficient' && j.metric !== 'placement'),
  );
  const failed = blockers.find((j) => j.verdict === 'fail') ?? blockers[0];
  if (failed !== undefined) return failed.says;
  // That no list has the address says nothing of its mail.
  if (!gates.some((j) => j.verdict === 'pass' && j.metric !== 'dnsbl')) return 'nothing was measured';
  if (use.stopped) return 'a hold cut this window short: nothing to judge the stage by';
  // No grant, as after an absence that outlived the carried ones: old evidence is not evidence of this stage.
  if (!(use.expected > 0)) return 'nothing was granted in this window';
  // The plan's own way to advance ends with its last stage: graduation asks for a window that was used.
  return volumeMissing(growsToNormal(lane.phase) ? null : input.plan, lane.ceiling, use);
}

function nextCeiling(input: LaneInput): number {
  const { lane, plan } = input;
  if (lane.phase === 'warm') return plan === null ? lane.ceiling : lane.normal;
  if (plan === null && lane.phase !== 'cooling') return lane.ceiling;
  const row = plan === null || growsToNormal(lane.phase) ? undefined : stageOf(plan, lane.provider, lane.stage + 1);
  return row?.ceiling ?? Math.min(lane.normal, Math.ceil(lane.ceiling * DEFAULTS.graduationGrowth));
}

function grow(input: LaneInput, judgements: readonly Judgement[]): LaneDecision | null {
  const { lane, plan } = input;
  const ceiling = nextCeiling(input);
  if (growsToNormal(lane.phase)) {
    if (lane.ceiling >= lane.normal) {
      const to = { ceiling: lane.normal };
      return apply(
        input,
        'complete',
        'complete',
        `reached the normal limit of ${lane.normal} a day: warm`,
        to,
        judgements,
      );
    }
    return apply(
      input,
      'advance',
      'advance',
      'all gates pass: grows towards the normal limit',
      { ceiling },
      judgements,
    );
  }
  const last = plan === null || lane.stage >= stageCount(plan, lane.provider) - 1;
  if (last) return apply(input, 'graduate', 'advance', 'last stage passed: graduating', { ceiling }, judgements);
  return apply(input, 'advance', 'advance', 'all gates pass', { stage: lane.stage + 1, ceiling }, judgements);
}

interface Change {
  readonly stage?: number;
  readonly ceiling?: number;
  readonly clean?: number;
  readonly retreat?: boolean;
}

/** Applies an event through the lane machine; an event that is not legal here becomes no decision. */
function apply(
  input: LaneInput,
  event: LaneEvent,
  kind: DecisionKind,
  reason: string,
  change: Change = {},
  judgements: readonly Judgement[] = judged(input),
): LaneDecision | null {
  const { lane } = input;
  const phase = transition(lane.phase, event, input.paused);
  if (phase === undefined) return null;
  const ceiling = change.ceiling ?? lane.ceiling;
  return {
    kind,
    phase,
    stage: change.stage ?? lane.stage,
    ceiling,
    // A new stage has to be good anew.
    clean: change.clean ?? (ceiling > lane.ceiling ? 0 : lane.clean),
    retreat: change.retreat ?? false,
    raised: ceiling > lane.ceiling,
    reason,
    judgements,
  };
}
