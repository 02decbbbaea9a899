/** The migration's live screen: the estate, what each pool does and waits for, what happened last. */
import { type Calendar, windowOf } from '../../../policy/calendar.ts';
import type { Store } from '../../../store/connect.ts';
import { cutoverDecisions, cutoverOf } from '../../../store/cutovers.ts';
import type { MigrationRow } from '../../../store/pool-migrations.ts';
import type { Outlook } from '../../cutover/gather.ts';
import { estateOf } from '../../cutover/migration.ts';
import { progressBar, table } from '../../terminal/table.ts';

const LAST = 6;

export async function migrationScreen(
  store: Store,
  migration: MigrationRow,
  calendar: Calendar,
  firstWindow: number,
  log: readonly string[],
): Promise<string[]> {
  const now = Date.now();
  const day = windowOf(now, calendar).index - firstWindow + 1;
  const estate = await estateOf(store, migration, now);
  const rows: string[][] = [];
  const said: { readonly at: number; readonly line: string }[] = [];
  for (const pool of estate) {
    const row = await cutoverOf(store, pool.pool);
    const outlook = row?.outlook as Outlook | null | undefined;
    rows.push([pool.pool, pool.from, pool.phase, `${pool.share}%`, String(pool.rollbacks), outlook?.reason ?? '']);
    if (row === undefined) continue;
    for (const one of await cutoverDecisions(store, row.id))
      said.push({
        at: one.at,
        line: `day ${dayOf(one.at, calendar, firstWindow)}  ${pool.pool}: ${one.event}, ${one.reason}`,
      });
  }
  const done = estate.reduce((sum, pool) => sum + (pool.phase === 'done' ? 1 : pool.share / 110), 0);
  return [
    `day ${day}   migration ${migration.name}: ${estate.map(({ pool }) => pool).join(', then ')}`,
    '',
    ...table(['pool', 'from', 'phase', 'share', 'rollbacks', 'now'], rows),
    '',
    ...said
      .sort((a, b) => a.at - b.at)
      .slice(-LAST)
      .map(({ line }) => line),
    ...log.slice(-2).map((line) => `person: ${line}`),
    '',
    progressBar(done / Math.max(1, estate.length), 60),
  ];
}

export function dayOf(at: number, calendar: Calendar, firstWindow: number): number {
  return windowOf(at, calendar).index - firstWindow + 1;
}
