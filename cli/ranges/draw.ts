/** The plan that a start follows, checked against the lanes there are. */
import { type Plan, stageCount } from '../../policy/plan.ts';
import type { AddressRow } from '../../store/lanes.ts';
import { badInput, type Invocation } from '../command.ts';
import { drawChosen, refuseFast, TARGET } from '../plan/draw.ts';
import { calendarChoice } from '../plan/options.ts';

/** Draws the plan called `name` for lanes at these providers; throws CliError `bad-input` where it can not be followed. */
export async function drawFor(
  invocation: Invocation,
  name: string,
  rows: readonly AddressRow[],
  providers: readonly string[],
): Promise<Plan> {
  const drawn = await drawChosen(invocation, name, () => ({ default: TARGET }), providers, rows[0]?.pool);
  const empty = providers.filter((provider) => stageCount(drawn, provider) === 0);
  if (empty.length > 0) throw badInput(`plan ${name} has no stages for ${empty.join(', ')}: choose another plan`);
  if (rows.some(({ calendar }) => calendar.kind === 'compressed') && calendarChoice(invocation) !== undefined)
    throw badInput('a compressed day has neither zone nor hours: leave --zone, --send-days and --send-hours out');
  refuseFast(invocation, drawn, providers);
  return drawn;
}
