import { cutoverCommand } from '../cutover/command.ts';

/** Says yes to the step that waits for a person. It is taken if all it passed on still holds. */
export const cutoverApprove = cutoverCommand({
  verb: 'approve',
  example: "./rampart cutover approve marketing --reason 'looks good'",
});
