/** Which plan a name means: a shipped one, or one of the configuration's own. */
import {
  drawOwn,
  type OwnPlan,
  type Plan,
  PlanError,
  type PlanInput,
  PRESETS,
  type Preset,
} from '../../policy/plan.ts';
import { badInput, type Invocation, text } from '../command.ts';
import { readPlans } from '../config/plans.ts';
import { closest } from '../terminal/closest.ts';

export type FoundPlan =
  | { readonly kind: 'shipped'; readonly name: string; readonly preset: Preset }
  | { readonly kind: 'own'; readonly name: string; readonly own: OwnPlan };

/** The plan called so; throws CliError `bad-input` when none is, and ConfigError for plans that can not be used. */
export async function findPlan(invocation: Invocation, name: string): Promise<FoundPlan> {
  const preset = PRESETS.find((candidate) => candidate.name === name);
  // A shipped plan needs no configuration, and must not fail over a broken one.
  if (preset !== undefined) return { kind: 'shipped', name, preset };
  const plans = await ownPlans(invocation);
  const own = Object.hasOwn(plans, name) ? plans[name] : undefined;
  if (own !== undefined) return { kind: 'own', name, own };
  const names = [...PRESETS.map((candidate) => candidate.name), ...Object.keys(plans)];
  const near = closest(name, names);
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  throw badInput(`no plan is called "${name}": choose one of ${names.join(', ')}${hint}`);
}

export function ownPlans(invocation: Invocation): Promise<Readonly<Record<string, OwnPlan>>> {
  return readPlans({ file: text(invocation, 'config'), env: invocation.env });
}

/** Draws a found plan up; what can not be drawn is a CliError `bad-input`. */
export function drawFound(found: FoundPlan, input: PlanInput): Plan {
  try {
    return found.kind === 'shipped' ? found.preset.draw(input) : drawOwn(found.name, found.own, input);
  } catch (error) {
    throw error instanceof PlanError ? badInput(error.message) : error;
  }
}
