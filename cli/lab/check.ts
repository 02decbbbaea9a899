/** Reads a scenario as `lab run` would: every fault and every remark, with its place. */
import path from 'node:path';
import type { Scenario } from '../../lab/scenario.ts';
import { checkScenario, type Remark } from '../../lab/scenario-check.ts';
import { loadScenario } from '../../lab/scenario-file.ts';
import { badInput } from '../command.ts';
import { COLD, WARM } from '../demo/setting.ts';

export interface Checked {
  /** Absolute path. */
  readonly file: string;
  readonly scenario: Scenario;
  readonly notes: readonly Remark[];
}

/** Throws badInput with a line per fault. */
export async function checkedScenario(given: string): Promise<Checked> {
  const file = path.resolve(given);
  const scenario = await loadScenario(file).catch((error: Error) => {
    throw badInput(error.message);
  });
  const { faults, notes } = checkScenario(scenario, [WARM.ip, COLD.ip]);
  if (faults.length > 0) throw badInput(faults.map(({ place, message }) => `${file}: ${place}: ${message}`).join('\n'));
  return { file, scenario, notes };
}
