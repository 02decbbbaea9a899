import { cutoverCommand } from '../cutover/command.ts';

/** Takes the next step now, whatever it waits for; grants still limit the share. */
export const cutoverAdvance = cutoverCommand({
  verb: 'advance',
  example: "./rampart cutover advance marketing --reason 'seen enough of 10%'",
});
