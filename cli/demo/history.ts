/** The ramp's history as lines for people: every decision with its evidence, runs of the same kind as one line. */
import type { Judgement } from '../../policy/evidence.ts';
import type { DecisionRow } from '../../store/decisions.ts';

interface Run {
  readonly first: DecisionRow;
  last: DecisionRow;
  count: number;
}

/** Columns: day, provider, decision, stage, ceiling, why, evidence. */
export const HISTORY_COLUMNS = ['day', 'provider', 'decision', 'stage', 'ceiling', 'why', 'evidence'];

/** Rows by lane, then day. Quiet advances in a row share one line, with the evidence of the last of them. */
export function historyRows(decisions: readonly DecisionRow[], firstWindow: number): string[][] {
  const lanes = Map.groupBy(decisions, (decision) => decision.provider);
  return [...lanes.keys()]
    .sort()
    .flatMap((provider) => runs(lanes.get(provider) ?? []).map((run) => row(run, firstWindow)));
}

function runs(decisions: readonly DecisionRow[]): Run[] {
  const found: Run[] = [];
  for (const decision of decisions) {
    const run = found.at(-1);
    if (run !== undefined && run.last.kind === decision.kind && run.last.reason === decision.reason) {
      run.last = decision;
      run.count += 1;
    } else found.push({ first: decision, last: decision, count: 1 });
  }
  return found;
}

function row({ first, last, count }: Run, firstWindow: number): string[] {
  const from = first.window - firstWindow + 1;
  const to = last.window - firstWindow + 1;
  return [
    from === to ? String(from) : `${from}-${to}`,
    first.provider,
    count === 1 ? first.kind : `${first.kind} × ${count}`,
    step(first.fromStage + 1, last.toStage + 1),
    step(first.fromCeiling, last.toCeiling),
    last.reason,
    evidence(last.evidence as readonly Judgement[]),
  ];
}

function step(from: number, to: number): string {
  return from === to ? String(from) : `${from} → ${to}`;
}

/** `deferral 0/97 pass` and so on: events of trials and the verdict, metrics without a feed left out. */
function evidence(judgements: readonly Judgement[]): string {
  return judgements
    .filter((judged) => judged.verdict !== 'not-configured')
    .map((judged) => `${judged.metric} ${judged.events}/${Math.floor(judged.trials)} ${judged.verdict}`)
    .join(', ');
}
