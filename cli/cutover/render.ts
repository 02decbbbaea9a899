/** A cutover as lines for people. Pure. */
import type { CutoverDecisionRow } from '../../store/cutovers.ts';
import type { Style } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { ago, span, stamp } from '../terminal/time.ts';
import type { CutoverStatus } from './gather.ts';

const BAD = ['rolled-back', 'stepped-back', 'aborted'];

/** What one screen at 03:00 has to say: where it stands, what it waits for, what each provider gets. */
export function renderCutover(one: CutoverStatus, now: number, style: Style): string[] {
  const phase = BAD.includes(one.phase)
    ? style.bad(one.phase)
    : one.phase === 'done'
      ? style.good(one.phase)
      : one.phase;
  const head = `${style.bold(one.front)}  ${phase} at ${one.says}, step ${one.rung + 1} of ${one.rungs}, from ${one.from} to ${one.to}, ${ago(one.phaseSince, now)}`;
  const { outlook, lastDecision } = one;
  return [
    head,
    ...(lastDecision === null
      ? []
      : [`  ${lastDecision.event} by ${lastDecision.actor} ${ago(lastDecision.at, now)}: ${lastDecision.reason}`]),
    ...(one.endedAt !== null || outlook === null ? [] : waits(outlook)),
    ...(one.openDifferences === null || one.endedAt !== null
      ? []
      : one.openDifferences.map(
          (difference) => `  differs: ${difference.name}: old ${difference.old}, new ${difference.new}`,
        )),
    ...(outlook?.judgements ?? []).map((judgement) => `  ${judgement.verdict.padEnd(14)} ${judgement.says}`),
    ...shares(one).map((line) => `  ${line}`),
    ...back(one, now),
    ...behind(one),
  ];
}

function waits(outlook: NonNullable<CutoverStatus['outlook']>): string[] {
  const when = outlook.hours === null ? '' : ` (about ${Math.max(1, Math.ceil(outlook.hours))} h)`;
  if (outlook.waits.length === 0) return [`  ${outlook.reason}`];
  return outlook.waits.map((wait, at) => `  waits: ${wait}${at === outlook.waits.length - 1 ? when : ''}`);
}

function shares(one: CutoverStatus): string[] {
  const rows = one.shares
    .filter((share) => share.step > 0 && share.forecast > 0)
    .map((share) => [
      share.provider,
      share.stream,
      `${share.step}%`,
      `${share.inForce.toFixed(1)}%`,
      share.binds,
      String(Math.round(share.forecast)),
      share.grants === null ? '' : String(share.grants),
    ]);
  return rows.length === 0
    ? []
    : table(['provider', 'stream', 'step', 'share', 'bound by', 'mail a day', 'ceiling'], rows);
}

/** What still waits to go back to the old arm, and how to change its pace. */
function back({ front, releases }: CutoverStatus, now: number): string[] {
  return releases.map(({ provider, released, waiting, until, stopped }) => {
    const when = stopped
      ? `stopped: ./rampart cutover rollback ${front} --per-day N lets it go on`
      : `the last in ${span(Math.max(0, until - now))}`;
    return `  goes back: ${waiting} of ${released} at ${provider}, ${when}`;
  });
}

/** A process that does not run what was written is drift, and is shown. */
function behind({ processes, revision }: CutoverStatus): string[] {
  const late = processes.filter((one) => one.revision !== revision).map(({ process }) => process);
  return late.length === 0 ? [] : [`  not yet at revision ${revision}: ${late.join(', ')}`];
}

export function decisionLines(
  row: CutoverDecisionRow,
  text: (rung: number) => string,
  zone: string,
  style: Style,
): string[] {
  const phase = row.fromPhase === row.toPhase ? '' : `, ${row.fromPhase} → ${row.toPhase}`;
  const rung = row.fromRung === row.toRung ? '' : `, ${text(row.fromRung)} → ${text(row.toRung)}`;
  return [`${stamp(row.at, zone)}  ${style.bold(row.event)}${phase}${rung}`, `  ${row.actor}: ${row.reason}`];
}
