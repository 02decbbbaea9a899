import { cutoverCommand } from '../cutover/command.ts';

/** Ends the watch: the old arm is not kept warm any more. */
export const cutoverComplete = cutoverCommand({
  verb: 'complete',
  example: "./rampart cutover complete marketing --reason 'the old contract ends'",
});
