import { tx } from '../../store/connect.ts';
import type { MigrationPool } from '../../store/pool-migrations.ts';
import { insertMigration, migrationRow } from '../../store/pool-migrations.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { cutoverPlan } from '../config/resolved-cutovers.ts';
import { heard } from '../cutover/command.ts';
import { knownPool } from '../cutover/known.ts';
import { wakeMigration } from '../cutover/migration.ts';
import { chosenPlan, PLAN_OPTIONS } from '../cutover/options.ts';
import { cutoverConfig } from '../cutover/settings.ts';
import { withStore } from '../instance.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';
import { closest } from '../terminal/closest.ts';

/** Starts a migration of the configuration: its pools' cutovers follow each other. */
export const migrationStart: Command = {
  usage: '<name>',
  options: [...PLAN_OPTIONS, ACTOR_OPTION, REASON_OPTION, CONFIG_OPTION],
  example: './rampart migration start off-pmta',
  positionals: [1, 1],
  async run(invocation) {
    const name = invocation.positionals[0] ?? '';
    const order = by(invocation, invocation.options.uncapped === true ? undefined : 'started from the command line');
    const config = await cutoverConfig(invocation);
    const settings = Object.hasOwn(config.migrations, name) ? config.migrations[name] : undefined;
    if (settings === undefined) {
      const names = Object.keys(config.migrations);
      const near = closest(name, names);
      throw badInput(
        `no migration is called "${name}" (${near === undefined ? `there is ${names.join(', ') || 'none'}` : `did you mean ${near}?`}): add it to migrations in the configuration`,
      );
    }
    const pools: MigrationPool[] = settings.pools.map(({ pool, from, to }) => ({
      ...{ front: pool, from, to: to ?? pool, scope: {} },
      plan: chosenPlan(invocation, cutoverPlan(config, pool)),
    }));
    return withStore(invocation, async (store, instance) => {
      for (const { front, from, to } of pools) for (const pool of [front, from, to]) await knownPool(store, pool, name);
      const migration = { name, pools, onFail: settings.onFail, ...order, at: Date.now() };
      if (!(await tx(store, (db) => insertMigration(db, migration)))) {
        const there = await migrationRow(store, name);
        throw badInput(
          `migration ${name} ${there?.endedAt === null ? 'runs already' : `has ended (${there?.outcome})`}: ./rampart migration status ${name}; another one needs another name`,
        );
      }
      const told = await wakeMigration(instance, name);
      return {
        json: {
          migration: name,
          pools: pools.map(({ front }) => front),
          onFail: settings.onFail,
          workflow: told.outcome,
        },
        lines: [
          `migration ${name}: ${pools.map(({ front }) => front).join(', then ')}`,
          heard(told),
          `see ./rampart migration status ${name}`,
        ],
      };
    });
  },
};
