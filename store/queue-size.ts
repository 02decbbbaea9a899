/** How full the spool is, asked once a second: so nothing here may count rows. */
import type { Queryable } from './connect.ts';

/**
 * Recipients in the queue, by the statistics the server keeps as rows come and go; a second or two late. After a crash
 * of the server they begin at the last ANALYZE.
 */
export async function queuedEstimate(db: Queryable): Promise<number> {
  const { rows } = await db.query({
    name: 'queue-size',
    text: `select greatest(coalesce(pg_stat_get_live_tuples(c.oid), 0),
             case when pg_stat_get_ins_since_vacuum(c.oid) is null then c.reltuples else 0 end)::float8 as queued
           from pg_class c where c.oid = 'queue'::regclass`,
  });
  return rows[0].queued;
}

/** Folder of the server's data; null where this role may not know it, or the server is not on this machine. */
export async function dataDirectory(db: Queryable): Promise<string | null> {
  const { rows } = await db.query(
    `select case when pg_has_role(current_user, 'pg_read_all_settings', 'usage')
       and coalesce(inet_server_addr() <<= '127.0.0.0/8' or inet_server_addr() = '::1', true)
     then current_setting('data_directory', true) end as folder`,
  );
  return rows[0].folder;
}
