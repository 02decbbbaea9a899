/** Reads a scenario as `lab run` would: every fault and every remark, with its place. */
import path from 'node:path';
import type { Scenario } from '../../lab/scenario.ts';
import { checkScenario, type Remark } from '../../lab/scenario-check.ts';
import { loadScenario } from '../../lab/scenario-file.ts';
import { providerOf } from '../../policy/providers.ts';
import { badInput } from '../command.ts';
import { newcomers, WARM } from '../demo/setting.ts';

export interface Checked {
  /** Absolute path. */
  readonly file: string;
  readonly scenario: Scenario;
  readonly notes: readonly Remark[];
}

/** The lanes of a run are the scenario's providers by name, and its mail is charged to the provider its MX hosts belong to. */
function misnamed({ providers }: Scenario): Remark[] {
  return providers.flatMap(({ key, mx }, index) => {
    const lane = providerOf(mx.map((exchange, at) => ({ exchange, priority: at })));
    if (lane === key) return [];
    const message = `Rampart sends mail for ${mx[0]} in its lane "${lane}": call the provider so, or give it MX hosts of "${key}"`;
    return [{ place: `providers[${index}].key`, message }];
  });
}

/** Throws badInput with a line per fault. */
export async function checkedScenario(given: string): Promise<Checked> {
  const file = path.resolve(given);
  const scenario = await loadScenario(file).catch((error: Error) => {
    throw badInput(error.message);
  });
  const { faults: senseless, notes } = checkScenario(
    scenario,
    [WARM, ...newcomers(scenario)].map(({ ip }) => ip),
  );
  const faults = [...senseless, ...misnamed(scenario)];
  if (faults.length > 0) throw badInput(faults.map(({ place, message }) => `${file}: ${place}: ${message}`).join('\n'));
  return { file, scenario, notes };
}
