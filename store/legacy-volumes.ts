/** What another engine delivered from an address before Rampart did: by log, provider and day. */
import { type Queryable, type Store, tx } from './connect.ts';

export interface LegacySource {
  /** SHA-256 of what tells the log from every other: its name may change when it is rotated. */
  readonly id: Buffer;
  readonly name: string;
  readonly format: 'powermta' | 'kumomta';
  readonly records: number;
  readonly first: number | null;
  readonly last: number | null;
}

export interface LegacyDay {
  readonly address: string;
  readonly provider: string;
  /** YYYY-MM-DD */
  readonly day: string;
  readonly messages: number;
}

/**
 * Keeps what a log says, in the place of what it said before; `shorter`: more of it was known already (this is an older
 * copy), and nothing was changed.
 */
export function replaceLegacyVolumes(
  store: Store,
  source: LegacySource,
  days: readonly LegacyDay[],
  actor: string,
): Promise<'new' | 'replaced' | 'same' | 'shorter'> {
  return tx(store, async (db) => {
    const { id, name, format, records } = source;
    await db.query('select pg_advisory_xact_lock(hashtextextended($1, 15))', [id.toString('hex')]);
    const before = await db.query('select records::float8 as records from legacy_sources where id = $1', [id]);
    const known: number | undefined = before.rows[0]?.records;
    if (known !== undefined && known > records) return 'shorter';
    const date = (at: number | null) => (at === null ? null : new Date(at));
    await db.query(
      `insert into legacy_sources (id, name, format, records, first_at, last_at, actor) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (id) do update set name = $2, records = $4, first_at = $5, last_at = $6, actor = $7, imported_at = now()`,
      [id, name, format, records, date(source.first), date(source.last), actor],
    );
    await db.query('delete from legacy_volumes where source = $1', [id]);
    await db.query(
      `insert into legacy_volumes (source, address, provider, day, messages)
       select $1, a, p, d, m from unnest($2::inet[], $3::text[], $4::date[], $5::int[]) as given(a, p, d, m)`,
      [
        id,
        days.map((one) => one.address),
        days.map((one) => one.provider),
        days.map((one) => one.day),
        days.map((one) => one.messages),
      ],
    );
    if (known === undefined) return 'new';
    return known === records ? 'same' : 'replaced';
  });
}

/** Days of an address since a day (YYYY-MM-DD), summed over all logs. */
export async function legacyDays(
  db: Queryable,
  address: string,
  since: string,
): Promise<{ readonly provider: string; readonly day: string; readonly messages: number }[]> {
  const { rows } = await db.query(
    `select provider, to_char(day, 'YYYY-MM-DD') as day, sum(messages)::float8 as messages
     from legacy_volumes where address = $1 and day >= $2 group by provider, day order by provider, day`,
    [address, since],
  );
  return rows;
}
