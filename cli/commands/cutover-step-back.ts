import { cutoverCommand } from '../cutover/command.ts';

/** Goes back one step at once, and cools down there. */
export const cutoverStepBack = cutoverCommand({
  verb: 'step-back',
  example: "./rampart cutover step-back marketing --reason 'yahoo is slow today'",
});
