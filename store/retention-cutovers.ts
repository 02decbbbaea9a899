/**
 * What bounds the tables of cutovers: what one counted and asked goes when it has been over for as long as finished mail is
 * kept. The cutover itself and its decisions stay: they are its history, and few.
 */
import type { Store } from './connect.ts';
import { alone } from './retention.ts';

const OF_CUTOVERS = ['cutover_shares', 'cutover_hours', 'cutover_volumes', 'cutover_gates', 'cutover_probes'];
/** Days in which an operation may be said again: as long as Temporal keeps what is over (temporal/namespace.ts). */
const REPEATED_DAYS = 60;

/** Drops at most `limit` rows of each table that nothing needs after `days`. null: another process is at it. */
export async function dropOldCutovers(store: Store, days: number, limit: number): Promise<number | null> {
  return alone(store, async (db) => {
    let dropped = 0;
    const drop = async (text: string, values: readonly unknown[]) => {
      dropped += (await db.query(text, [...values])).rowCount ?? 0;
    };
    for (const table of OF_CUTOVERS)
      await drop(
        `delete from ${table} where ctid = any(array(
           select t.ctid from cutovers c join ${table} t on t.cutover = c.id
           where c.ended_at < now() - make_interval(days => $1) limit $2))`,
        [days, limit],
      );
    // Mail that is still kept may ask for the line in force when it was sent: the last one before then stays, too.
    await drop(
      `delete from split_changes where ctid = any(array(
         select c.ctid from split_changes c
         where c.at < now() - make_interval(days => $1)
           and exists (select from split_changes n where n.front = c.front and n.revision > c.revision
             and n.at < now() - make_interval(days => $1))
           and not exists (select from splits s where s.front = c.front and s.ended_at is null and c.at >= s.started_at)
         limit $2))`,
      [days, limit],
    );
    await drop('delete from split_releases where next_at < now() - make_interval(days => $1)', [days]);
    await drop(
      `delete from operations where id = any(array(
         select id from operations where at < now() - make_interval(days => $1) order by at limit $2))`,
      [Math.max(days, REPEATED_DAYS), limit],
    );
    return dropped;
  });
}
