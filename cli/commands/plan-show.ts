import { gatesOf } from '../../policy/gates/settings.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { ALL_PROVIDERS } from '../config/schema.ts';
import { describePlan, planWarnings } from '../plan/describe.ts';
import { drawChosen, TARGET } from '../plan/draw.ts';
import { CHOICE_OPTIONS, INPUT_OPTIONS } from '../plan/options.ts';
import { chosenPool, POOL_OPTION } from '../plan/pool.ts';
import { closest } from '../terminal/closest.ts';

/** A plan's stages as they would be followed: a table and a chart. */
export const planShow: Command = {
  usage: '<name>',
  options: [
    { name: 'provider', type: 'string', value: 'P', says: "show this provider's stages (default: the default row)" },
    POOL_OPTION,
    ...INPUT_OPTIONS,
    ...CHOICE_OPTIONS,
    CONFIG_OPTION,
  ],
  example: './rampart plan show six-week --target google=20000,default=5000 --provider google',
  positionals: [1, 1],
  async run(invocation) {
    const name = invocation.positionals[0] ?? '';
    const provider = text(invocation, 'provider');
    if (provider !== undefined && provider !== 'default' && !ALL_PROVIDERS.includes(provider)) {
      const near = closest(provider, ALL_PROVIDERS);
      throw badInput(
        `no provider is called "${provider}": ${near === undefined ? `choose one of ${ALL_PROVIDERS.join(', ')}` : `did you mean ${near}?`}`,
      );
    }
    const pool = await chosenPool(invocation);
    // A published table is shown whole; a curve needs an end.
    const plan = await drawChosen(
      invocation,
      name,
      (needs) => (needs ? { default: TARGET } : undefined),
      undefined,
      pool,
    );
    const gates = gatesOf(plan.gates, provider);
    return { json: { plan, gates, warnings: planWarnings(plan) }, lines: describePlan(plan, provider) };
  },
};
