/** What was found about addresses before they began: kept, so that a start can name it and other nodes can go by it. */
import type { Check } from '../policy/preflight/check.ts';
import type { Queryable } from './connect.ts';

export async function insertPreflight(
  db: Queryable,
  found: { readonly address: string; readonly node: string; readonly actor: string; readonly checks: readonly Check[] },
): Promise<number> {
  const { rows } = await db.query(
    'insert into preflights (address, node, actor, checks) values ($1, $2, $3, $4) returning id',
    [found.address, found.node, found.actor, JSON.stringify(found.checks)],
  );
  return rows[0].id;
}

/** When (ms) an address was last bound on its own node, as a preflight there found; undefined: not since `since`. */
export async function boundAt(
  db: Queryable,
  address: string,
  node: string,
  since: number,
): Promise<number | undefined> {
  const { rows } = await db.query(
    `select extract(epoch from at)::float8 * 1000 as at,
       exists (select from jsonb_array_elements(checks) c where c->>'name' = 'bind' and c->>'verdict' = 'pass') as bound
     from preflights where address = $1 and node = $2 and at > $3 order by id desc limit 1`,
    [address, node, new Date(since)],
  );
  return rows[0]?.bound === true ? rows[0].at : undefined;
}

/** Has an address never sent anything, and could its last preflight not bind it (a start may skip that by name)? */
export async function neverBound(db: Queryable, address: string): Promise<boolean> {
  const { rows } = await db.query(
    `select not exists (select from lanes where address = $1 and last_sent_at is not null)
       and coalesce((select exists (select from jsonb_array_elements(checks) c
           where c->>'name' = 'bind' and c->>'verdict' in ('fail', 'skipped'))
         from preflights where address = $1 order by id desc limit 1), false) as never`,
    [address],
  );
  return rows[0].never;
}
