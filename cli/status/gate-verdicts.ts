/** What a lane's gates said last, for the screens. Pure. */
import type { Judgement } from '../../policy/evidence.ts';
import type { DecisionRow } from '../../store/decisions.ts';

export interface GateVerdict {
  readonly metric: string;
  readonly verdict: Judgement['verdict'];
  /** False for a dry run and a gate that only observes. */
  readonly acted: boolean;
  readonly says: string;
  /** Trials a pass still needs, those of them that are still to be sent, and plan hours until then; null: not that. */
  readonly needs: number | null;
  readonly toSend: number | null;
  readonly hours: number | null;
}

const WORDS: Readonly<Record<Judgement['verdict'], string>> = {
  pass: 'pass',
  fail: 'FAIL',
  insufficient: 'too little seen',
  stale: 'feed silent',
  'not-configured': 'not configured',
};

/** A verdict in words for people. */
export function verdictWord(verdict: Judgement['verdict'], acted: boolean): string {
  return `${WORDS[verdict] ?? verdict}${acted ? '' : ' (not acted on)'}`;
}

export function gateVerdicts(decision: Pick<DecisionRow, 'evidence'> | undefined): GateVerdict[] {
  const judged = Array.isArray(decision?.evidence) ? (decision.evidence as readonly Judgement[]) : [];
  return judged.map((one) => ({
    metric: one.metric,
    verdict: one.verdict,
    acted: one.dry !== true,
    says: one.says.startsWith(`${one.metric} `) ? one.says.slice(one.metric.length + 1) : one.says,
    needs: one.needs,
    toSend: one.toSend ?? null,
    hours: one.hours ?? null,
  }));
}
