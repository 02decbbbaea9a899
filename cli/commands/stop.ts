import { tx } from '../../store/connect.ts';
import { liveHolds, placeHold } from '../../store/holds.ts';
import { matching } from '../../store/queue-filter.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { backlogText } from '../mail/backlog.ts';
import { filterOf, namedScope, SCOPE_OPTIONS } from '../mail/filter.ts';
import { holdText } from '../status/hold-text.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** One hold row, in force for every MTA process within two seconds, warm lanes included, with or without Temporal. */
export const stop: Command = {
  usage: '',
  options: [
    ...SCOPE_OPTIONS,
    { name: 'cold', type: 'boolean', says: 'cold lanes only; without it warm lanes stop too' },
    { name: 'dry-run', type: 'boolean', says: 'say what would stop, and stop nothing' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart stop --provider microsoft-consumer --reason 'they block everything'",
  positionals: [0, 0],
  async run(invocation) {
    const order = by(invocation);
    return withStore(invocation, async (store) => {
      const scope = await namedScope(store, invocation);
      if (scope === undefined) throw badInput('say what to stop: --all, --provider P, --tenant T, --campaign C, …');
      const reach = invocation.options.cold === true ? 'cold' : 'all';
      const dry = invocation.options['dry-run'] === true;
      const what = scope.scope === 'all' ? 'all mail' : `mail of ${scope.scope} ${scope.target}`;
      const lanes = reach === 'all' ? 'on every lane, warm ones too' : 'on cold lanes';
      const hold = dry
        ? null
        : await tx(store, (db) =>
            placeHold(db, { ...scope, reach, cause: 'operator', actor: order.actor, reason: order.reason }),
          );
      const known = (await liveHolds(store)).find((one) => one.id === hold?.id);
      const waiting = await matching(store, filterOf(scope));
      const says =
        hold === null
          ? `would stop ${what} ${lanes}`
          : hold.placed
            ? `in force: hold ${hold.id} stops ${what} ${lanes}`
            : `stopped before: ${known === undefined ? `hold ${hold.id}` : holdText(known)}`;
      return {
        json: { ...scope, reach, hold: hold?.id ?? null, placed: hold?.placed ?? false, dryRun: dry, waiting },
        lines: [
          says,
          backlogText(waiting, Date.now()),
          ...(hold === null ? [] : [`lift it: ./rampart resume --hold ${hold.id} --reason '…'`]),
        ],
      };
    });
  },
};
