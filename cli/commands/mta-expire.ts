import { tx } from '../../store/connect.ts';
import { expireMatching, matching } from '../../store/queue-filter.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { backlogText } from '../mail/backlog.ts';
import { FILTER_OPTIONS, queueFilter } from '../mail/filter.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** Ends queued mail as expired: what is in a process's hands ends as it ends. */
export const mtaExpire: Command = {
  usage: '',
  options: [
    ...FILTER_OPTIONS,
    { name: 'dry-run', type: 'boolean', says: 'say what would end, and change nothing' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart mta expire --campaign spring --older 12h --reason 'the sale is over' --dry-run",
  positionals: [0, 0],
  async run(invocation) {
    const order = by(invocation);
    const now = Date.now();
    const filter = queueFilter(invocation, now);
    if (Object.keys(filter).length === 0) throw badInput('say which mail: --pool, --provider, --campaign, --older, …');
    return withStore(invocation, async (store) => {
      const dry = invocation.options['dry-run'] === true;
      const matched = await matching(store, filter);
      const ended = dry ? 0 : await tx(store, (db) => expireMatching(db, filter, order));
      return {
        json: { filter, matched, ended, dryRun: dry },
        lines: [
          backlogText(matched, now),
          dry ? `${matched.recipients - matched.claimed} would end as expired` : `${ended} end as expired`,
        ],
      };
    });
  },
};
