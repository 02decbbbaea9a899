/** Decisions and their evidence in words. Pure. */
import type { Judgement } from '../../policy/evidence.ts';
import type { DecisionRow } from '../../store/decisions.ts';
import type { Style } from '../terminal/style.ts';
import { stamp } from '../terminal/time.ts';
import { verdictWord } from './gate-verdicts.ts';

/** Lines of one decision: what changed, who or what decided, why, and a line per metric. */
export function decisionLines(row: DecisionRow, zone: string, style: Style): string[] {
  const head = `${stamp(row.at, zone)}  ${row.provider}  ${style.bold(row.kind)}${changeText(row)}`;
  return [head, `  ${row.actor}: ${row.reason}`, ...judgements(row).map((one) => `  ${judgementText(one)}`)];
}

function changeText(row: DecisionRow): string {
  const phase = row.fromPhase === row.toPhase ? '' : `, ${row.fromPhase} → ${row.toPhase}`;
  const stage = row.fromStage === row.toStage ? '' : `, stage ${row.fromStage + 1} → ${row.toStage + 1}`;
  const ceiling = row.fromCeiling === row.toCeiling ? '' : `, ${row.fromCeiling} → ${row.toCeiling} a day`;
  return phase + stage + ceiling;
}

function judgementText(one: Judgement): string {
  const name = `${one.metric}: ${verdictWord(one.verdict, one.dry !== true)}`;
  if (one.verdict === 'not-configured') return name;
  const [low, high] = one.interval;
  const interval =
    one.trials > 0 && one.metric !== 'utilisation' && one.metric !== 'dnsbl'
      ? `, 95% interval ${percent(low)} to ${percent(high)}`
      : '';
  return `${name} (${one.says}${interval})`;
}

function percent(rate: number): string {
  return `${(rate * 100).toFixed(rate < 0.01 ? 2 : 1)}%`;
}

function judgements(row: DecisionRow): readonly Judgement[] {
  return Array.isArray(row.evidence) ? row.evidence : [];
}
