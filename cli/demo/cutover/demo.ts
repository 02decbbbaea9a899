/** `rampart demo cutover`: weeks of a migration in minutes, and whether everything it promises held. */
import path from 'node:path';
import { type Played, type PlayOptions, play } from './play.ts';
import { type MigrationReport, printMigrationReport, writeMigrationReport } from './report.ts';
import { DAY_MS, LEGACY, MOVED, TROUBLE } from './setting.ts';
import { countsOf, type MigrationInput, migrationConditions, sharesOf } from './verdict.ts';

/** Runs the demo; resolves to whether everything it promises held. */
export async function demoCutover(options: PlayOptions): Promise<boolean> {
  const played = await play(options);
  const report = reportOf(played);
  await writeMigrationReport(path.join(options.dataDir, 'report.json'), report);
  const { counts, conditions, seconds } = report;
  const text = options.json ? JSON.stringify({ counts, conditions, seconds }) : printMigrationReport(report).join('\n');
  process.stdout.write(`${text}\n`);
  return conditions.every(({ holds }) => holds);
}

function reportOf({ scenario, calendar, firstWindow, seconds, facts }: Played): MigrationReport {
  const input: MigrationInput = {
    pools: facts.pools.map((pool) => ({
      ...pool,
      address: MOVED.find(({ name }) => name === pool.front)?.address.ip ?? '',
    })),
    received: facts.received,
    legacy: LEGACY.ip,
    queued: facts.fates.queued,
    expired: facts.fates.expired,
    inDoubt: facts.fates.inDoubt,
    outcome: facts.migration?.outcome ?? null,
    trouble: TROUBLE,
  };
  return {
    scenario: { name: scenario.name, seed: scenario.seed, dayLengthMs: DAY_MS },
    ...{ calendar, firstWindow, seconds, input },
    counts: countsOf(input),
    shares: sharesOf(input),
    conditions: migrationConditions(input),
    decisions: facts.pools.flatMap(({ front, decisions }) => decisions.map((one) => ({ front, ...one }))),
    log: facts.log,
  };
}
