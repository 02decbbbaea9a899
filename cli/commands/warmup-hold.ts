import { FOR_OPTION, forMs, verbCommand } from '../verbs/command.ts';

/** Keeps ceilings where they are, until a time or a resume. Mail goes on, and what fails still steps back. */
export const warmupHold = verbCommand({
  verb: 'hold',
  options: [{ ...FOR_OPTION, says: `${FOR_OPTION.says} (default: until ./rampart warmup resume)` }],
  example: "./rampart warmup hold 198.51.100.8/29 --for 3d --reason 'a new template goes out'",
  read: forMs,
});
