/** `rampart demo`: weeks of one address in minutes, and whether everything it promises held. */
import path from 'node:path';
import { type Played, play } from './play.ts';
import { printReport, type Report, writeReport } from './report.ts';
import { COLD, SCRIPTS, type Script, WARM, WORLDS } from './setting.ts';
import { conditions, type VerdictInput } from './verdict.ts';

export interface DemoOptions {
  readonly days: number;
  /** Another world than the one that goes with the days, by the name of its scenario. */
  readonly world?: string;
  /** Seed of the world; absent: the scenario's own. */
  readonly seed?: number;
  readonly json: boolean;
  /** Absolute folder for everything the demo leaves. */
  readonly dataDir: string;
}

/** Runs the demo; resolves to whether everything it promises held. */
export async function demo(options: DemoOptions): Promise<boolean> {
  const { days, world, seed, json, dataDir } = options;
  const script = SCRIPTS[days];
  if (script === undefined) throw new Error(`the demo knows ${Object.keys(SCRIPTS).join(' and ')} days, not ${days}`);
  const scenario = path.join(WORLDS, world === undefined ? script.scenario : `${world}.json`);
  const played = await play({
    script,
    scenario,
    ...(seed === undefined ? {} : { seed }),
    dataDir,
    allDays: false,
    json,
  });
  const report = reportOf(script, played, conditions(verdictInput(played)));
  await writeReport(path.join(dataDir, 'report.json'), report);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${printReport(report).join('\n')}\n`);
  return report.conditions.every((condition) => condition.holds);
}

/** What the verdict on one of the addresses that were warmed up is made from. */
export function verdictInput({ scenario, facts, until }: Played, cold = COLD.ip): VerdictInput {
  return {
    cold,
    judgement: facts.judgement,
    injected: facts.injected,
    grants: facts.grants,
    decisions: facts.decisions.filter((one) => one.address === cold),
    finalPhases: facts.lanes.filter((lane) => lane.address === cold),
    stretches: facts.stretches.filter((one) => one.address === cold),
    injured: scenario.events.flatMap((event) => (event.type === 'clampdown' ? [event.provider] : [])),
    inDoubt: facts.inDoubt,
    until,
  };
}

export function reportOf(
  script: Pick<Script, 'days' | 'dayLength'>,
  { scenario, firstWindow, seconds, facts }: Played,
  verdicts: Report['conditions'],
): Report {
  return {
    scenario: { name: scenario.name, seed: scenario.seed, days: script.days, dayLengthMs: script.dayLength },
    cold: COLD.ip,
    warm: WARM.ip,
    firstWindow,
    seconds,
    conditions: verdicts,
    facts,
  };
}
