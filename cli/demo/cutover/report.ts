/** What the demo of a migration prints at its end and leaves in report.json (docs/report.md says what each field means). */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Calendar } from '../../../policy/calendar.ts';
import { table } from '../../terminal/table.ts';
import type { Condition } from '../verdict.ts';
import { dayOf } from './screen.ts';
import type { Counts, MigrationInput, StepShare } from './verdict.ts';

export interface MigrationReport {
  readonly scenario: { readonly name: string; readonly seed: number; readonly dayLengthMs: number };
  readonly calendar: Calendar;
  readonly firstWindow: number;
  /** Wall time of the whole run after set-up. */
  readonly seconds: number;
  readonly counts: Counts;
  readonly shares: readonly StepShare[];
  readonly conditions: readonly Condition[];
  readonly input: MigrationInput;
  /** Every decision of every pool, as it is stored. */
  readonly decisions: readonly object[];
  readonly log: readonly string[];
}

/** Writes the report as a whole or not at all. */
export async function writeMigrationReport(file: string, report: MigrationReport): Promise<void> {
  const { scenario, seconds, counts, shares, conditions, decisions, log, input } = report;
  const json = {
    scenario,
    seconds,
    passed: conditions.every(({ holds }) => holds),
    counts,
    conditions,
    shares,
    pools: input.pools.map(({ front, phase, address, ends }) => ({ front, phase, address, ends })),
    decisions,
    log,
  };
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(json, null, 1)}\n`);
  await rename(`${file}.new`, file);
}

export function printMigrationReport(report: MigrationReport): string[] {
  const { input, counts, shares, conditions, calendar, firstWindow } = report;
  const day = (at: number) => String(dayOf(at, calendar, firstWindow));
  return [
    '',
    'History: every decision',
    ...table(
      ['day', 'pool', 'decision', 'share', 'who', 'why'],
      input.pools.flatMap(({ front, decisions }) =>
        decisions.map((one) => [
          day(one.at),
          front,
          one.event,
          one.fromShare === one.toShare ? `${one.toShare}%` : `${one.fromShare}% → ${one.toShare}%`,
          one.actor,
          (one as { reason?: string }).reason ?? '',
        ]),
      ),
    ),
    '',
    'What the providers received: mail accepted during a step, by arm',
    ...table(['pool', 'step', 'old', 'new', 'share'], shareRows(shares)),
    '',
    `${counts.accepted} messages accepted; ${counts.delivered} delivered, ${counts.bounced} bounced, ${counts.expired} expired, ${counts.queued} queued, ${counts.lost} lost, ${counts.doubled} doubled; ${counts.rollbacks} rollback`,
    '',
    ...conditions.map((one) => `${one.holds ? ' ok ' : 'FAIL'}  ${one.name} (${one.detail})`),
    '',
    `two pools moved in ${report.seconds} s, scenario ${report.scenario.name}, seed ${report.scenario.seed}`,
  ];
}

/** Providers together: what each had is in report.json. */
function shareRows(shares: readonly StepShare[]): string[][] {
  const steps = Map.groupBy(shares, ({ front, from, share }) => `${front} ${from} ${share}`);
  return [...steps.values()].map((own) => {
    const [sum, ours] = own.reduce(([all, fresh], one) => [all + one.old + one.new, fresh + one.new], [0, 0]);
    const share = sum === 0 ? '' : `${((100 * ours) / sum).toFixed(1)}%`;
    return [own[0]?.front ?? '', `${own[0]?.share}%`, String(sum - ours), String(ours), share];
  });
}
