/** `rampart lab run`: a world of your own against the whole of Rampart, by the machinery of the demo. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { reportOf, verdictInput } from '../demo/demo.ts';
import { play } from '../demo/play.ts';
import { writeReport } from '../demo/report.ts';
import { newcomers } from '../demo/setting.ts';
import { type Condition, promises } from '../demo/verdict.ts';
import type { Checked } from './check.ts';
import { type LabReport, labReport, printLabReport } from './report.ts';

export interface LabRunOptions {
  /** Real ms of a day. */
  readonly dayLength: number;
  /** Days the ramp is planned to take. */
  readonly rampDays: number;
  /** Messages a day and provider on its first day. */
  readonly start: number;
  readonly seed?: number;
  readonly json: boolean;
  /** Absolute folder for everything the run leaves; what was in it goes. */
  readonly dataDir: string;
}

/** Plays all days of the world; writes lab.json and report.json. Promises that broke are in the report, not thrown. */
export async function runLab({ file, scenario }: Checked, options: LabRunOptions): Promise<LabReport> {
  const { dayLength, rampDays, start, seed, json, dataDir } = options;
  // Troubles last a day or two: seeds that are asked every third day would miss them.
  const script = { days: rampDays, dayLength, start, limit: scenario.days - 1, probeEvery: 1 };
  const played = await play({
    script,
    scenario: file,
    ...(seed === undefined ? {} : { seed }),
    dataDir,
    allDays: true,
    json,
  });
  const kept = ofAll(newcomers(scenario).map(({ ip }) => promises(verdictInput(played, ip))));
  const report = await labReport(played, dayLength, kept);
  await writeReport(path.join(dataDir, 'report.json'), reportOf(script, played, kept));
  await writeFile(path.join(dataDir, 'lab.json'), `${JSON.stringify(report, null, 1)}\n`);
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${printLabReport(report).join('\n')}\n`);
  return report;
}

/** The same promises about several addresses, each as one: it holds where it holds for all of them. */
function ofAll(addresses: readonly (readonly Condition[])[]): Condition[] {
  const [first = []] = addresses;
  return first.map((one, at) => addresses.map((all) => all[at] ?? one).find(({ holds }) => !holds) ?? one);
}
