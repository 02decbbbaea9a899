/**
 * From what the arms show to what happens at a step: one event of the machine, or what it waits for and how long.
 *
 * Falling comes first and needs no age: a failed metric does what the plan says of it. Going on needs all of: the share was
 * reached so long ago, so many campaigns on both arms, deferrals and hard bounces passed, from 30% on complaints as well,
 * from 10% on one reporting lag, nothing stale, grants that carry the next step, no freeze, and whoever has to say yes.
 * At the last marketing step the old arm has too little mail to compare with: absolute limits are what is left.
 */
import type { CutJudgement } from './evidence.ts';
import type { CutoverEvent, CutoverPhase } from './machine.ts';
import type { CutMetric, CutoverPlan, FailAction } from './plan.ts';

export interface StepInput {
  readonly phase: CutoverPhase;
  /** Share of the stream that moves at the rung, points; 0 below the first. */
  readonly points: number;
  /** The next rung's; null: this is the last one. */
  readonly nextPoints: number | null;
  readonly plan: CutoverPlan;
  /** Plan hours since the phase began, and since the share was reached everywhere (null: it is not yet). */
  readonly phaseHours: number;
  readonly reachedHours: number | null;
  /** What keeps the share from the step, in words; null: nothing does. */
  readonly shareLimit: string | null;
  /** Campaigns that both arms sent and that have closed. */
  readonly campaigns: number;
  readonly judgements: readonly CutJudgement[];
  /** Providers whose grants can not carry the next step: what they need, a day. */
  readonly tooSmall: readonly { readonly provider: string; readonly ceiling: number; readonly needs: number }[];
  /** Providers whose lanes of the new arm are stopped for the sender's reputation. */
  readonly stopped: readonly string[];
  /** What preparing still misses, in words. */
  readonly unprepared: readonly string[];
  /** The freeze that is on, in words. */
  readonly frozen: string | null;
  readonly stepBacks: number;
  /** Of this raise: does a person have to approve, and has one? Is there a webhook, and what did it say? */
  readonly approval: 'none' | 'wanted' | 'given';
  readonly stepHook: 'none' | 'unasked' | 'yes' | 'no';
  readonly rollbackHook: 'none' | 'unasked' | 'yes' | 'no';
}

export interface StepDecision {
  /** null: nothing changes. */
  readonly event: CutoverEvent | null;
  readonly reason: string;
  /** What a raise waits for, each in words; empty where it does not wait. */
  readonly waits: readonly string[];
  /** Plan hours the longest of them takes; null: nobody knows. */
  readonly hours: number | null;
  /** A webhook that is to be asked before anything else happens. */
  readonly ask?: 'confirm-step' | 'confirm-rollback';
}

/** Block or reputation stops at so many providers at once are no provider's whim. */
const STOPPED_PROVIDERS = 2;

const REQUIRED: readonly CutMetric[] = ['deferral', 'hard-bounce'];

export function judgeStep(input: StepInput): StepDecision {
  const fall = falling(input);
  if (fall !== null) return fall;
  switch (input.phase) {
    case 'preparing':
    case 'running':
    case 'waiting':
      return raising(input);
    case 'stepped-back':
      return recovering(input);
    case 'watching':
      return watching(input);
    default:
      return stays('waits for a person', []);
  }
}

const ORDER: readonly FailAction[] = ['hold', 'step-back', 'rollback'];

function falling(input: StepInput): StepDecision | null {
  const { plan, judgements, phase, points, stopped } = input;
  if (points <= 0 || phase === 'done' || phase === 'aborted') return null;
  const failed = judgements.filter((one) => one.verdict === 'fail');
  const actions = failed.map((one) => plan.onFail[one.metric]);
  const reasons = failed.map((one) => one.says);
  if (stopped.length >= STOPPED_PROVIDERS) {
    actions.push('rollback');
    reasons.push(`lanes of the new arm are stopped at ${stopped.join(', ')}`);
  }
  if (actions.length === 0) return null;
  const worst = actions.reduce((a, b) => (ORDER.indexOf(b) > ORDER.indexOf(a) ? b : a));
  const reason = reasons.join('; ');
  if (worst === 'hold')
    return phase === 'holding' || phase === 'stepped-back' || phase === 'rolled-back' ? null : decided('hold', reason);
  // What was rolled back to a share that still fails has one way left.
  if (phase === 'rolled-back') return decided('rollback', reason);
  if (worst === 'step-back' && input.stepBacks < plan.mostStepBacks) return decided('step-back', reason);
  const why = worst === 'step-back' ? `${reason}; it stepped back ${input.stepBacks} times already` : reason;
  if (input.rollbackHook === 'unasked')
    return { ...decided(null, `asks before a rollback: ${why}`), ask: 'confirm-rollback' };
  // A no keeps the mail where it is, and a person has it from there.
  if (input.rollbackHook === 'no')
    return phase === 'holding' ? null : decided('hold', `${why}; the webhook refused the rollback`);
  return decided('rollback', why);
}

function raising(input: StepInput): StepDecision {
  const { phase, nextPoints } = input;
  if (nextPoints === null) return stays('the last step', []);
  const missing = input.points <= 0 ? preparing(input) : running(input);
  const more = [...missing, ...stoppedLanes(input), ...carrying(input)];
  if (more.length > 0) {
    const says = more.map((one) => one.says);
    if (phase !== 'waiting') return stays(says.join('; '), more);
    // It had passed when it asked; a few events more that bring it below the line again disprove nothing.
    if (more.every(({ dips }) => dips)) {
      const yes = input.approval === 'given' ? 'approved' : 'waits for an approval';
      return stays(`${yes}, and for more mail: ${says.join('; ')}`, more);
    }
    return { ...decided('doubt', `no longer ready: ${says.join('; ')}`), waits: says };
  }
  // What holds all steps comes before asking anybody: a yes on Friday is not a yes on Monday.
  if (input.frozen !== null)
    return stays(`frozen: ${input.frozen}`, [{ says: `frozen: ${input.frozen}`, hours: null }]);
  const to = `${nextPoints}%`;
  if (input.stepHook === 'unasked')
    return { ...decided(null, `ready for ${to}, asks the webhook`), ask: 'confirm-step' };
  if (input.stepHook === 'no')
    return stays(`ready for ${to}, the webhook refused`, [
      { says: 'the webhook refused; it is asked again', hours: null },
    ]);
  if (phase === 'waiting') {
    if (input.approval === 'given') return decided('approve', `ready and approved: to ${to}`);
    return stays(`ready for ${to}: waits for an approval`, [
      { says: 'a person approves (./rampart cutover approve)', hours: null },
    ]);
  }
  if (input.approval === 'wanted') return decided('ask', `ready for ${to}: a person approves it`);
  return decided('advance', phase === 'preparing' ? `prepared: begins with ${to}` : `passed: to ${to}`);
}

interface Wait {
  readonly says: string;
  readonly hours: number | null;
  /** More mail of the same kind ends it: it comes and goes while the evidence is near its line. */
  readonly dips?: true;
}

function preparing({ unprepared }: StepInput): Wait[] {
  return unprepared.map((says) => ({ says, hours: null }));
}

function running(input: StepInput): Wait[] {
  const { plan, points, reachedHours, campaigns, judgements } = input;
  const waits: Wait[] = [];
  if (reachedHours === null) {
    waits.push({
      says: `the share is not at ${points}% yet (${input.shareLimit ?? 'the next window raises it'})`,
      hours: null,
    });
  } else {
    const least = Math.max(plan.minHours, points >= plan.lagFrom ? plan.lagHours : 0);
    if (reachedHours < least)
      waits.push({ says: `${Math.floor(reachedHours)} of ${least} h at this step`, hours: least - reachedHours });
  }
  // Above 90% the old arm has too little left to compare with.
  const comparable = points <= 90;
  if (comparable && campaigns < plan.minCampaigns)
    waits.push({ says: `${campaigns} of ${plan.minCampaigns} campaigns on both arms`, hours: null });
  const required = [...REQUIRED, ...(points >= plan.complaintFrom ? (['complaint'] as const) : [])];
  for (const one of judgements) {
    if (one.verdict === 'stale') waits.push({ says: one.says, hours: null });
    if (!required.includes(one.metric as never) || !comparable) continue;
    if (one.verdict === 'insufficient') waits.push({ says: one.says, hours: one.hours, dips: true });
    // Not compared is shown, and blocks only while too little is seen of the new arm itself.
    if (one.verdict === 'not-configured' && one.needs !== 0 && one.new.trials > 0 && one.metric !== 'complaint')
      waits.push({ says: one.says, hours: one.hours });
  }
  return waits;
}

/** One provider that stops the new arm is no reason to fall, and none to send it more. */
function stoppedLanes({ stopped }: StepInput): Wait[] {
  return stopped.map((provider) => ({ says: `lanes of the new arm are stopped at ${provider}`, hours: null }));
}

function carrying({ tooSmall, nextPoints }: StepInput): Wait[] {
  if (tooSmall.length === 0) return [];
  const each = tooSmall.map(({ provider, ceiling, needs }) => `${provider} ${ceiling} of ${needs}`);
  return [{ says: `the ceilings do not carry ${nextPoints}% yet (a day: ${each.join(', ')})`, hours: null }];
}

function recovering(input: StepInput): StepDecision {
  const { plan, phaseHours } = input;
  if (phaseHours < plan.coolDownHours) {
    const says = `cools down: ${Math.floor(phaseHours)} of ${plan.coolDownHours} h`;
    return stays(says, [{ says, hours: plan.coolDownHours - phaseHours }]);
  }
  return decided('recover', `clean for ${plan.coolDownHours} h at ${input.points}%`);
}

function watching(input: StepInput): StepDecision {
  const hours = 24 * input.plan.watchDays;
  const since = input.reachedHours ?? 0;
  if (since < hours) {
    const says = `watches: ${Math.floor(since / 24)} of ${input.plan.watchDays} days; ./rampart cutover reverse takes it back`;
    return stays(says, [{ says, hours: hours - since }]);
  }
  const stale = input.judgements.find((one) => one.verdict === 'stale');
  if (stale !== undefined) return stays(stale.says, [{ says: stale.says, hours: null }]);
  return decided('complete', `${input.plan.watchDays} days at the last step with nothing wrong`);
}

function decided(event: CutoverEvent | null, reason: string): StepDecision {
  return { event, reason, waits: [], hours: null };
}

function stays(reason: string, waits: readonly Wait[]): StepDecision {
  const known = waits.flatMap(({ hours }) => (hours === null ? [] : [hours]));
  return {
    event: null,
    reason,
    waits: waits.map(({ says }) => says),
    hours: waits.length > 0 && known.length === waits.length ? Math.max(...known) : null,
  };
}
