/**
 * Waiting mail and a line that moved: what goes to the other arm, and what stays where it is. Mail that was never attempted
 * always follows the split, so that a rollback forgets nothing. Attempted mail stays while its arm may drain (a host that
 * greylisted it knows its address) and moves only where the arm is blocked. Mail in doubt never moves: it may be delivered
 * already, and the other engine would deliver it again. Pure.
 */
import { type Arm, type Choice, choose, type Outside, type Split, type SplitMail } from './split.ts';

/** A recipient that waits in the queue. */
export interface WaitingMail extends SplitMail {
  /** The pool that carries it now. */
  readonly pool: string;
  readonly attempts: number;
  /** Attempts whose final answer never came. */
  readonly doubts: number;
  /** It tests one lane. */
  readonly pinned: boolean;
  readonly outside: string | null;
}

export interface Move {
  readonly pool: string;
  readonly arm: Arm;
  readonly outside: Outside;
}

/** A probe tests one pool, and what a person moved stays where it was put: whatever the split says. */
export function isFixed({ pinned, outside }: Pick<WaitingMail, 'pinned' | 'outside'>): boolean {
  return pinned || outside === 'probe' || outside === 'operator';
}

/** Where a waiting message goes; `stay`; or `provider`: that has to be known first. */
export function moveOf(split: Split, mail: WaitingMail): Move | 'stay' | 'provider' {
  if (isFixed(mail) || mail.doubts > 0) return 'stay';
  const choice = choose(split, mail);
  if (choice === null) return mail.attempts > 0 ? 'stay' : 'provider';
  const pool = poolOf(split, choice);
  if (pool === mail.pool) return 'stay';
  if (mail.attempts > 0 && !leavesAttempted(split, mail, choice)) return 'stay';
  return { pool, arm: choice.arm, outside: choice.outside ?? 'moved' };
}

/** Does the engine before us get this mail back, so that its pace matters? */
export function isReturn(split: Split, mail: Pick<WaitingMail, 'pool'>, move: Pick<Move, 'arm'>): boolean {
  return move.arm === 'old' && mail.pool === split.newArm;
}

export function poolOf(split: Pick<Split, 'oldArm' | 'newArm'>, { arm }: Pick<Choice, 'arm'>): string {
  return arm === 'old' ? split.oldArm : split.newArm;
}

function leavesAttempted(split: Split, mail: WaitingMail, { arm }: Choice): boolean {
  return split.moves.attempted === 'move' && arm === 'old' && mail.pool === split.newArm;
}
