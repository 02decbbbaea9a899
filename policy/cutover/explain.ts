/**
 * Why a message is on the arm it is on, in words: its bucket and the line of its front at its provider, the step, the floor, or
 * what fixed it. The rule that chose it (split.ts), told backwards. Pure.
 */
import { type Arm, BUCKETS, floorAt, lineAt, type Outside, type Split, type SplitScope, type Stream } from './split.ts';

/** A recipient, as far as its arm is concerned. */
export interface ArmedMail {
  readonly arm: Arm;
  /** 0 to BUCKETS - 1; null: none was kept. */
  readonly bucket: number | null;
  readonly outside: string | null;
  /** Whose mailbox; null: nobody knew. */
  readonly provider: string | null;
  readonly stream: string;
  /** Of mail that waits; null: it is finished. */
  readonly waiting: {
    /** The process that has it in hand. */
    readonly claim: string | null;
    readonly attempts: number;
    readonly doubts: number;
  } | null;
}

/** What was in force when the arm was chosen. */
export interface ArmsThen extends Pick<Split, 'thresholds' | 'step' | 'floor'> {
  readonly scope: SplitScope;
  /** The rung, in words; null: it is not known any more. */
  readonly rung: string | null;
  /** What bound the provider's share that day; null: not kept. */
  readonly binds: string | null;
}

export type ArmRule = Outside | 'line' | 'floor' | 'claim' | 'in-doubt' | 'attempted' | 'unknown';

export interface ArmReason {
  readonly rule: ArmRule;
  readonly says: string;
}

/** `then`: in force when the arm was chosen (of mail that waits untried: now); null: no longer kept. */
export function explainArm(mail: ArmedMail, then: ArmsThen | null): ArmReason {
  const told = OUTSIDE[mail.outside ?? ''];
  if (told !== undefined) return { rule: mail.outside as Outside, says: told };
  if (mail.outside === 'scope') return { rule: 'scope', says: `it is no part of the cutover${scopeText(then?.scope)}` };
  if (then === null || mail.bucket === null)
    return { rule: 'unknown', says: 'the lines of that time are no longer kept' };
  const stream: Stream = mail.stream === 'transactional' ? 'transactional' : 'marketing';
  const provider = mail.provider ?? '*';
  const line = lineAt(then, stream, provider);
  const bucket = `its bucket ${percent(mail.bucket)}`;
  const at = `the new arm's line ${percent(line)} for ${stream} mail at ${mail.provider ?? 'every provider'}${stepText(then)}`;
  if (mail.outside === 'overflow') {
    const room = then.binds === 'grants' ? 'what its grants carry' : 'what it has room for';
    return {
      rule: 'overflow',
      says: `overflow: the step gives it to the new arm, but ${bucket} is above ${room}; ${at}`,
    };
  }
  if (mail.bucket < line === (mail.arm === 'new')) {
    const floor = BUCKETS - floorAt(then, provider);
    if (mail.arm === 'old' && mail.bucket >= floor && floor < BUCKETS)
      return {
        rule: 'floor',
        says: `${bucket} is in the floor, the top ${percent(BUCKETS - floor)} that keep the old arm warm`,
      };
    return { rule: 'line', says: `${bucket} is ${mail.arm === 'new' ? 'below' : 'not below'} ${at}` };
  }
  return fixedBy(mail) ?? { rule: 'line', says: `it was chosen by an earlier line; now ${bucket} meets ${at}` };
}

/** What keeps mail that waits where the line would not have it. */
function fixedBy({ waiting }: ArmedMail): ArmReason | undefined {
  if (waiting === null) return undefined;
  const { claim, attempts, doubts } = waiting;
  if (doubts > 0)
    return { rule: 'in-doubt', says: 'the last answer to it was lost: it may be delivered, and never changes its arm' };
  if (claim !== null) return { rule: 'claim', says: `fixed by its claim: ${claim} has it in hand` };
  if (attempts > 0) return { rule: 'attempted', says: 'it was tried there, and stays with the arm that may drain' };
  return undefined;
}

const OUTSIDE: Readonly<Record<string, string>> = {
  moved: 'it waited for the other arm when the line moved',
  settled: 'the cutover is over, and this arm has all mail of the front',
  'unknown-provider': 'nobody could say whose mailbox it is for, and every line gives it to this arm',
  probe: 'it was sent to test this arm',
  operator: 'a person chose its pool',
};

function scopeText(scope: SplitScope | undefined): string {
  const parts = Object.entries(scope ?? {}).map(([what, names]) => `${what} ${names.join(', ')}`);
  return parts.length === 0 ? '' : `, which is about ${parts.join(' and ')}`;
}

function stepText({ rung, binds }: ArmsThen): string {
  const bound = binds === null || binds === 'step' ? '' : `, bound by ${binds}`;
  return rung === null ? '' : ` (step ${rung}${bound})`;
}

/** Buckets as the percentage they are. */
function percent(buckets: number): string {
  return `${Number(((100 * buckets) / BUCKETS).toFixed(4))}%`;
}
