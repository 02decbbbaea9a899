/** Every shipped plan, by name. */
import { BRAZE } from './braze.ts';
import { GEOMETRIC } from './geometric.ts';
import { type Plan, PlanError, type PlanInput } from './model.ts';
import { PER_PROVIDER } from './per-provider.ts';
import { PERCENT } from './percent.ts';
import type { Preset } from './preset.ts';
import { SFMC } from './salesforce.ts';
import { SENDGRID_AUTO, SENDGRID_MANUAL } from './sendgrid.ts';
import { SPARKPOST } from './sparkpost.ts';

export const PRESETS: readonly Preset[] = [
  ...GEOMETRIC,
  ...PERCENT,
  SENDGRID_AUTO,
  SENDGRID_MANUAL,
  SPARKPOST,
  ...BRAZE,
  SFMC,
  ...PER_PROVIDER,
];

/** Draws up a shipped plan. Throws PlanError `unknown-plan` (the message says which exist) or `bad-input`. */
export function planNamed(name: string, input: PlanInput): Plan {
  const preset = PRESETS.find((candidate) => candidate.name === name);
  if (preset === undefined) {
    const known = PRESETS.map((candidate) => candidate.name).join(', ');
    throw new PlanError('unknown-plan', `no plan is called "${name}": choose one of ${known}`);
  }
  return preset.draw(input);
}
