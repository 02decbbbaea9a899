import { verbCommand } from '../verbs/command.ts';

/** Ends a ramp: its lanes are planned again and send nothing, mail goes to warm addresses. A start begins another. */
export const warmupAbort = verbCommand({
  verb: 'abort',
  wholeAddress: true,
  example: "./rampart warmup abort 198.51.100.8/29 --reason 'the range goes back to the provider'",
});
