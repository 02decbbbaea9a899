/**
 * How much mail a stage needs before its lane may leave it: the four modes of a plan.
 *
 * What they share comes first, in decide.ts: gates that pass on fresh evidence, no pause, no hold that cut the window, a
 * grant in force, one raise a window. A vendor's clock that runs whatever happens is not offered: automation raises only
 * with fresh passing evidence, and too little evidence never advances. So `calendar` differs from `gated` in the mail a
 * window must carry and in nothing else. It can not run away from what is sent: the evidence a pass needs grows with the
 * next ceiling (evidence.ts), and a lane that sends little runs out of it.
 */
import { DEFAULTS } from './defaults.ts';
import type { Plan } from './plan.ts';

export type AdvanceBy = Pick<Plan, 'advance' | 'stageShare'>;

export interface StageUse {
  /** Units used in the window, and what an even pace would have used by now. */
  readonly sent: number;
  readonly expected: number;
  /** Units used since the stage began; absent where nobody counted. */
  readonly stageSent?: number | undefined;
}

/**
 * Why the mail sent is not enough to leave a stage of `ceiling` messages a day, in words; null when it is. Without a plan
 * (or past it, when a lane grows into its normal limit) a stage needs what `gated` needs.
 */
export function volumeMissing(plan: AdvanceBy | null, ceiling: number, use: StageUse): string | null {
  switch (plan?.advance ?? 'gated') {
    case 'calendar':
      return null;
    case 'send-days':
      return use.sent > 0 ? null : 'nothing was sent in this window: it is no send day';
    case 'volume-stage': {
      const needed = Math.ceil(ceiling * (plan?.stageShare ?? 1));
      const sent = use.stageSent ?? 0;
      return sent >= needed ? null : `volume-limited: ${sent} of ${needed} sent since this stage began`;
    }
    case 'gated':
      if (use.sent >= DEFAULTS.minUtilisation * use.expected) return null;
      return `volume-limited: ${use.sent} sent where the ceiling allowed ${Math.floor(use.expected)} by now`;
  }
}
