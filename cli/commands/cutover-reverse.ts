import { cutoverCommand } from '../cutover/command.ts';

/** In the watch after the last step: all mail takes the old arm again, with one command. */
export const cutoverReverse = cutoverCommand({
  verb: 'reverse',
  example: "./rampart cutover reverse marketing --reason 'opens fell by half'",
});
