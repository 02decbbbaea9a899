import { verbCommand } from '../verbs/command.ts';

/** Asks the gates now: what passes goes one stage on from the next day, what does not says what is missing. */
export const warmupAdvance = verbCommand({
  verb: 'advance',
  example: "./rampart warmup advance pool:marketing --provider google --reason 'the big mailing is tomorrow'",
});
