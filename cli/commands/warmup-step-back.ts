import { badInput, text } from '../command.ts';
import { verbCommand } from '../verbs/command.ts';

/** Steps back at once, in the running day too, and cools down like a lane that a gate stopped. */
export const warmupStepBack = verbCommand({
  verb: 'step-back',
  options: [{ name: 'steps', type: 'string', value: 'N', says: 'stages to go back (default: 1)' }],
  example: "./rampart warmup step-back 198.51.100.9 --provider yahoo --steps 2 --reason 'their postmaster asked'",
  read(invocation) {
    const given = text(invocation, 'steps') ?? '1';
    if (!/^[1-9]\d{0,2}$/.test(given)) throw badInput(`--steps is "${given}": give a whole number from 1 to 999`);
    return { steps: Number(given) };
  },
});
