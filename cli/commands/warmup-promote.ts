import { FOR_OPTION, forMs, verbCommand } from '../verbs/command.ts';

/** Overrides the gates of one step, once, at a day's last evaluation. Stops, pauses and cool-downs are no gates. */
export const warmupPromote = verbCommand({
  verb: 'promote',
  options: [{ ...FOR_OPTION, says: "how long this holds if it is not needed, such as '12h' (default: 2d)" }],
  example: "./rampart warmup promote 198.51.100.9 --provider apple --reason 'no complaints feed, support saw none'",
  read: forMs,
});
