import { cutoverCommand } from '../cutover/command.ts';

/** Lets a held cutover go on, or one that was rolled back begin again from where it stands. */
export const cutoverResume = cutoverCommand({
  verb: 'resume',
  example: "./rampart cutover resume marketing --reason 'DKIM is mended'",
});
