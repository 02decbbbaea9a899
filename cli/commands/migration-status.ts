import { migrationRow, migrationRows } from '../../store/pool-migrations.ts';
import { badInput, CONFIG_OPTION, type Command } from '../command.ts';
import { estateOf, type PoolStanding } from '../cutover/migration.ts';
import { withStore } from '../instance.ts';
import { styleOf } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { span, stamp } from '../terminal/time.ts';

/** The estate: every pool of a migration, or of all. Reads PostgreSQL only. */
export const migrationStatus: Command = {
  usage: '[<name>]',
  options: [CONFIG_OPTION],
  example: './rampart migration status off-pmta',
  positionals: [0, 1],
  run(invocation) {
    const [name] = invocation.positionals;
    return withStore(invocation, async (store) => {
      const rows = await migrationRows(store);
      const named = name === undefined ? undefined : await migrationRow(store, name);
      if (name !== undefined && named === undefined)
        throw badInput(
          `no migration is called "${name}": there is ${rows.map((row) => row.name).join(', ') || 'none'}`,
        );
      const now = Date.now();
      const migrations = [];
      for (const row of named === undefined ? rows : [named]) {
        const { name, startedAt, endedAt, outcome, onFail, held } = row;
        migrations.push({ name, startedAt, endedAt, outcome, onFail, held, pools: await estateOf(store, row, now) });
      }
      const style = styleOf(invocation.stdout, invocation.env);
      const lines = migrations.flatMap((one) => [
        `${style.bold(one.name)}  ${one.outcome ?? (one.held === null ? 'runs' : style.bad(`held: ${one.held}`))}`,
        ...table(COLUMNS, one.pools.map(cells)),
      ]);
      return {
        json: { at: now, migrations },
        lines: lines.length === 0 ? ['no migration yet: ./rampart migration start NAME'] : lines,
      };
    });
  },
};

const COLUMNS = ['pool', 'from', 'phase', 'share', 'started', 'took', 'rollbacks', 'expected'];

function cells(one: PoolStanding): string[] {
  return [
    ...[one.pool, one.from, one.phase, `${one.share}%`],
    one.startedAt === null ? '' : stamp(one.startedAt, 'UTC'),
    one.tookMs === null ? '' : span(one.tookMs),
    String(one.rollbacks),
    one.expectedAt === null ? '' : stamp(one.expectedAt, 'UTC'),
  ];
}
