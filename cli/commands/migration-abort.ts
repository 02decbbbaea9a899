import { endMigration, migrationRow } from '../../store/pool-migrations.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { heard } from '../cutover/command.ts';
import { wakeMigration } from '../cutover/migration.ts';
import { withStore } from '../instance.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** No further pool starts. Cutovers that run go on: each is held, rolled back or aborted by its own command. */
export const migrationAbort: Command = {
  usage: '<name>',
  options: [REASON_OPTION, ACTOR_OPTION, CONFIG_OPTION],
  example: "./rampart migration abort off-pmta --reason 'the contract was renewed'",
  positionals: [1, 1],
  async run(invocation) {
    const order = by(invocation);
    const name = invocation.positionals[0] ?? '';
    return withStore(invocation, async (store, instance) => {
      const row = await migrationRow(store, name);
      if (row === undefined) throw badInput(`no migration is called "${name}": ./rampart migration status`);
      if (!(await endMigration(store, name, 'aborted', { ...order, at: Date.now() })))
        throw badInput(`migration ${name} is over (${row.outcome})`);
      const told = await wakeMigration(instance, name);
      return {
        json: { migration: name, outcome: 'aborted', workflow: told.outcome },
        lines: [`migration ${name} starts no further pool; a cutover that runs goes on`, heard(told)],
      };
    });
  },
};
