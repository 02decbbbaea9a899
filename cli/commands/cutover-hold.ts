import { cutoverCommand } from '../cutover/command.ts';

/** Keeps the share where it is until a resume. What fails still falls. */
export const cutoverHold = cutoverCommand({
  verb: 'hold',
  example: "./rampart cutover hold marketing --reason 'a new template goes out'",
});
