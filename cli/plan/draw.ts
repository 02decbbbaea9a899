/** From a name and options to the plan a ramp will follow. */

import { withGates } from '../../policy/gates/configured.ts';
import { capGrowth, checkPlan, growthProblems, growthText, type Plan, type PlanInput } from '../../policy/plan.ts';
import { badInput, type Invocation, text } from '../command.ts';
import { readGates } from '../config/gates.ts';
import { ALL_PROVIDERS } from '../config/schema.ts';
import { closest } from '../terminal/closest.ts';
import { drawFound, findPlan } from './find.ts';
import { advanceChoice, calendarChoice, planInput } from './options.ts';

/** Last day's ceiling when none is given and the plan has none of its own, messages a day per provider. */
export const TARGET = 50_000;

/** Targets for a shipped plan that were not given: `always`, also for a table that could end where it was published to. */
export type DefaultTargets = (needsTarget: boolean) => PlanInput['targets'];

/**
 * The plan called `name` with the invocation's choices; `providers` (default: all) are the lanes that are capped. Its gates
 * are the configured ones of `pool` (default: of all pools) under its own.
 */
export async function drawChosen(
  invocation: Invocation,
  name: string,
  defaults: DefaultTargets,
  providers?: readonly string[],
  pool?: string,
): Promise<Plan> {
  const found = await findPlan(invocation, name);
  const given = planInput(invocation);
  const targets = given.targets ?? (found.kind === 'shipped' ? defaults(found.preset.needsTarget) : undefined);
  knownTargets(given, providers);
  const drawn = drawFound(found, { ...given, ...(targets === undefined ? {} : { targets }) });
  const configured = await readGates({ file: text(invocation, 'config'), env: invocation.env });
  const plan = withGates(withChoices(drawn, invocation), configured, pool);
  const problems = checkPlan(plan);
  if (problems.length > 0) throw badInput(`plan ${name} can not be used: ${problems.join('; ')}`);
  return invocation.options.cap === true ? capGrowth(plan, providers) : plan;
}

/** Refuses growth over the cap unless somebody asked for it: by name, not by accident. */
export function refuseFast(invocation: Invocation, plan: Plan, providers: readonly string[]): void {
  if (invocation.options.cap === true && invocation.options.uncapped === true)
    throw badInput('--cap and --uncapped contradict each other: give one of them');
  if (invocation.options.uncapped === true) return;
  const fast = growthProblems(plan, providers);
  if (fast.length === 0) return;
  throw badInput(
    `plan ${plan.name} grows faster than its cap (${fast.map(growthText).join('; ')}): add --cap to slow it down, or --uncapped to take it as it is`,
  );
}

function withChoices(plan: Plan, invocation: Invocation): Plan {
  const advance = advanceChoice(invocation);
  const calendar = calendarChoice(invocation);
  const { stageShare: _, ...others } = plan;
  return {
    ...(advance === undefined || advance === plan.advance ? plan : { ...others, advance }),
    ...(calendar === undefined ? {} : { calendar: { ...plan.calendar, ...calendar } }),
  };
}

/** A target or share for a lane that is not there, or (without `lanes`) for a provider nobody knows, is a slip of the pen. */
function knownTargets(input: PlanInput, lanes: readonly string[] | undefined): void {
  const providers = lanes ?? ALL_PROVIDERS;
  const what = lanes === undefined ? 'which is no provider' : 'which has no lane';
  for (const [option, figures] of [
    ['--target', input.targets],
    ['--share', input.shares],
  ] as const) {
    for (const key of Object.keys(figures ?? {})) {
      if (key === 'default' || providers.includes(key)) continue;
      const near = closest(key, providers);
      throw badInput(
        `${option} names "${key}", ${what}: ${near === undefined ? `choose among ${providers.join(', ')}` : `did you mean ${near}?`}`,
      );
    }
  }
}

/** The plan's name of a positional or an option, or what to write. */
export function planName(invocation: Invocation): string {
  const name = text(invocation, 'plan');
  if (name === undefined)
    throw badInput('choose a plan: --plan six-week or --plan four-week (all of them: ./rampart plan list)');
  return name;
}
