import { verbCommand } from '../verbs/command.ts';

/** Puts the plan behind a lane: it grows into its normal limit step by step, gates and all. */
export const warmupComplete = verbCommand({
  verb: 'complete',
  options: [{ name: 'force', type: 'boolean', says: "also below half of its plan's last stage" }],
  example: "./rampart warmup complete 198.51.100.9 --provider yahoo --reason 'it carries all we have'",
  read: (invocation) => ({ force: invocation.options.force === true }),
});
