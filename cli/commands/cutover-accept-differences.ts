import { cutoverCommand } from '../cutover/command.ts';

/** Accepts, by name, what differs between the two messages that were compared: the canary waits for nothing else of them. */
export const cutoverAcceptDifferences = cutoverCommand({
  verb: 'accept-differences',
  usage: '<pool> <name>…',
  positionals: [2, 20],
  example: "./rampart cutover accept-differences marketing feedback-id links --reason 'the new tracking domain'",
  read: (invocation) => ({ names: invocation.positionals.slice(1) }),
});
