/**
 * From evidence to one decision per lane: pure, so that a stored evidence row gives the same decision again.
 *
 * Order of the questions: must it stop (an incident, a gate that was crossed)? was it idle? is it paused? is it cooling
 * down? did it send enough to be judged? is nothing wrong, and was enough seen to notice? Automation may lower at any time; it
 * raises only in a window's last evaluation, at most once a window, with a pass on every metric that has a feed.
 */
import { type StageUse, volumeMissing } from './advance.ts';
import { DEFAULTS } from './defaults.ts';
import { type Evidence, type Judgement, judge, stopsAt } from './evidence.ts';
import type { PlacementRule } from './gates/placement.ts';
import { acts, GATED, type Gated, gatesOf } from './gates/settings.ts';
import { judgeSignal, type Signal } from './gates/signals.ts';
import type { Hold } from './holds.ts';
import { decayedCeiling, idleRows, isIdle } from './idle.ts';
import { type LaneEvent, maySend, type PauseReason, type Phase, transition } from './lane.ts';
import { type LaneOrder, orderText } from './orders.ts';
import { type Plan, stageCount, stageOf } from './plan.ts';
import { type ProbeAnswers, probeUnits, wayBack } from './quarantine.ts';

const DAY = 86_400_000;

export interface LaneState {
  readonly address: string;
  readonly provider: string;
  readonly phase: Phase;
  readonly stage: number;
  readonly ceiling: number;
  readonly normal: number;
  readonly clean: number;
  /** Last window that advanced the lane. */
  readonly advanced: number | null;
}

/** `answered`: read before the lane's last retreat, which was its answer. */
export type LaneSignal = Signal & { readonly answered: boolean };

export interface SuspendedCampaign {
  readonly name: string;
  readonly bounces: number;
  readonly attempts: number;
}

export interface LaneInput {
  readonly lane: LaneState;
  /** The plan of the live or last ramp; null for a lane that was declared warm. */
  readonly plan: Plan | null;
  readonly window: number;
  /** The window's last evaluation: only it may raise. */
  readonly final: boolean;
  /** The window was the ramp's first and had fewer sending hours than a day: its stage repeats. */
  readonly prorated: boolean;
  /** Why the lane is paused. A gate's hold that a step back has answered is silence, not a pause. */
  readonly paused: readonly PauseReason[];
  /** A metric each: the last seven send days since the last retreat, with the change detectors' sums. */
  readonly week: readonly Evidence[];
  /** What others say of the address at this provider (block lists, consoles); absent: nothing was read. */
  readonly signals?: readonly LaneSignal[];
  /** Mail of this window and this stage; `stopped`: a hold cut the window. */
  readonly use: StageUse & { readonly stopped: boolean };
  /** Since its last message (or since it is in its phase, where it sent none): plan ms. */
  readonly idle: number;
  /** Live holds of gates and incidents on this lane that no decision has answered yet. */
  readonly crossed: readonly Hold[];
  /** Live operator holds, for the reason's text. */
  readonly operatorHolds: readonly Hold[];
  /** Campaigns suspended in this window whose bounces this lane carried. */
  readonly campaigns: readonly SuspendedCampaign[];
  readonly placement: PlacementRule;
  /** What operators ordered for this lane, while it binds. */
  readonly orders?: { readonly freeze?: LaneOrder | undefined; readonly promote?: LaneOrder | undefined };
  /** Of a lane that probes: what its probes met. */
  readonly probes?: ProbeAnswers;
  /** Plan ms since its evidence was emptied last (a start or a retreat). */
  readonly sinceRetreat?: number;
}

export type DecisionKind =
  | 'start'
  | 'advance'
  | 'hold'
  | 'step-back'
  | 'pause'
  | 'quarantine'
  | 'resume'
  | 'set-plan'
  | 'promote'
  | 'abort'
  | 'complete';

export interface LaneDecision {
  readonly kind: DecisionKind;
  readonly phase: Phase;
  readonly stage: number;
  readonly ceiling: number;
  readonly clean: number;
  /** Evidence before now no longer counts (a retreat empties the window). */
  readonly retreat: boolean;
  readonly raised: boolean;
  readonly reason: string;
  readonly judgements: readonly Judgement[];
  /** The order it used up; whoever gave it answers for the decision. */
  readonly uses?: LaneOrder;
}

/** The decision for a lane, or null where this evaluation has nothing to say (a warm lane in order, a mid-window look). */
export function decide(input: LaneInput): LaneDecision | null {
  if (input.lane.phase === 'quarantined' || input.lane.phase === 'probing') return wayBackDecision(input);
  return stopDecision(input) ?? idleDecision(input) ?? (input.final ? finalDecision(input) : null);
}

/** What the lane may send a day at this phase and stage. */
export function grantUnits(decided: { readonly phase: Phase; readonly ceiling: number }): number {
  if (decided.phase === 'probing') return probeUnits(decided.ceiling);
  return maySend(decided.phase) ? decided.ceiling : 0;
}

/** Plan ms between two messages of a lane in this phase; null: its day's pace decides. */
export function grantGap(phase: Phase): number | null {
  return phase === 'probing' ? DEFAULTS.probing.gapMs : null;
}

/** The plan's own ceiling for a lane: its row, or the provider's normal limit once the plan is done. */
export function planUnits(plan: Plan | null, provider: string, phase: Phase, stage: number, normal: number): number {
  if (plan === null || phase === 'warm' || growsToNormal(phase)) return normal;
  return stageOf(plan, provider, stage)?.ceiling ?? normal;
}

/** Past its plan: a lane that graduates, or that was warm and idle, grows step by step into its normal limit. */
function growsToNormal(phase: Phase): boolean {
  return phase === 'graduating' || phase === 'cooling';
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
 * Out of quarantine (policy/quarantine.ts): a lane that sends nothing has nothing more to stop. What crossed a gate while it probed sends it
 * back at once.
 */
function wayBackDecision(input: LaneInput): LaneDecision | null {
  const { lane, plan, final, paused } = input;
  const stop = input.crossed[0]?.reason ?? null;
  const step = wayBack(lane, { final, paused, stop, probes: input.probes ?? { accepted: 0, refused: 0 } });
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

  const signal = (input.signals ?? []).find((one) => !one.answered && judgeSignal(one).action === 'step-back');
  if (signal !== undefined) return stepBack(input, judgeSignal(signal).says);
  return null;
}

/**
 * Does this evidence step the lane back? Not where one campaign is to blame: it is suspended, and the lane holds. Seeds
 * never do by themselves; beside a metric that fails, a lane that fails the seeds as well is stepped back for both.
 */
function stepsBack(input: LaneInput, evidence: Evidence): boolean {
  const gates = gatesOf(input.plan?.gates);
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
  return metric === undefined ? 1 : gatesOf(input.plan?.gates).metrics[metric].steps;
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
  if (lane.phase === 'warm') return null;
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
    return decision !== null && little ? { ...decision, phase: lane.phase } : decision;
  }
  const { consecutiveGood } = gatesOf(input.plan?.gates);
  const clean = lane.clean + 1;
  if (clean < consecutiveGood) {
    const says = `all gates pass: evaluation ${clean} of the ${consecutiveGood} in a row that its plan asks for`;
    return promoted(input, says, judgements) ?? apply(input, 'hold', 'hold', says, { clean }, judgements);
  }
  return grow(input, judgements);
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

function judged(input: LaneInput): Judgement[] {
  return [...input.week.map((evidence) => judgedAs(input, evidence)), utilisation(input)];
}

function judgedAs(input: LaneInput, evidence: Evidence): Judgement {
  const { lane, use } = input;
  // Plan hours: what it has sent of what it might have is what it will send.
  const share = use.expected > 0 ? Math.min(1, use.sent / use.expected) : 1;
  return judge(evidence, {
    nextCeiling: nextCeiling(input),
    gates: gatesOf(input.plan?.gates),
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

function whyHold(input: LaneInput, judgements: readonly Judgement[]): string | null {
  const { lane, use } = input;
  if (input.plan === null && lane.phase !== 'cooling') return 'it follows no plan: nothing says how far it may grow';
  if (lane.advanced === input.window) return 'advanced in this window already';
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
  if (!gates.some((j) => j.verdict === 'pass')) return 'nothing was measured';
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
