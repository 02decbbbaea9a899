import { cutoverCommand } from '../cutover/command.ts';

/** All mail takes the old arm again, and there is no cutover any more. */
export const cutoverAbort = cutoverCommand({
  verb: 'abort',
  example: "./rampart cutover abort marketing --reason 'we stay'",
});
