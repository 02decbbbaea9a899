/**
 * Which queued mail a person means, and what may be done with all of it at once. Only mail in nobody's hands is touched:
 * rows are locked as they are found, or one that is claimed meanwhile would be changed in mid-transaction.
 */
import type { Queryable } from './connect.ts';
import { providerIn } from './pools.ts';

export interface QueueFilter {
  readonly pool?: string;
  readonly provider?: string;
  readonly tenant?: string;
  readonly campaign?: string;
  readonly domain?: string;
  readonly stream?: string;
  readonly address?: string;
  /** Mail that belongs to an address in it, such as 198.51.100.0/24. */
  readonly netblock?: string;
  /** ms since 1970: only what was accepted before. */
  readonly before?: number;
}

export interface Matched {
  readonly recipients: number;
  /** Of them: already tried at least once. */
  readonly attempted: number;
  /** When the oldest was accepted, ms; null where nothing matches. */
  readonly oldest: number | null;
  /** In a process's hands now: they end as they end. */
  readonly claimed: number;
}

const COLUMNS = ['pool', 'provider', 'tenant', 'campaign', 'domain', 'stream'] as const;

/** A condition on `queue q joined with messages m`, with its values from `$first` on. */
function condition(filter: QueueFilter, first: number): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [];
  const parts = ['true'];
  const add = (part: (place: string) => string, value: unknown) => {
    values.push(value);
    parts.push(part(`$${first + values.length - 1}`));
  };
  for (const column of COLUMNS)
    if (filter[column] !== undefined) add((place) => `q.${column} = ${place}`, filter[column]);
  if (filter.address !== undefined) add((place) => `q.address = ${place}::inet`, filter.address);
  if (filter.netblock !== undefined) add((place) => `q.address <<= ${place}::inet`, filter.netblock);
  if (filter.before !== undefined) add((place) => `m.received_at < ${place}`, new Date(filter.before));
  return { text: parts.join(' and '), values };
}

/** What a filter matches, without touching it. */
export async function matching(db: Queryable, filter: QueueFilter): Promise<Matched> {
  const { text, values } = condition(filter, 1);
  const { rows } = await db.query(
    `select count(*)::int as recipients, count(*) filter (where q.attempts > 0)::int as attempted,
       count(*) filter (where q.claim is not null)::int as claimed,
       extract(epoch from min(m.received_at))::float8 * 1000 as oldest
     from queue q join messages m on m.id = q.message where ${text}`,
    values,
  );
  return rows[0];
}

/** Ends matching mail as expired at the next round of the MTA, with who said so and why. Returns how many. */
export async function expireMatching(
  db: Queryable,
  filter: QueueFilter,
  by: { readonly actor: string; readonly reason: string },
): Promise<number> {
  const { text, values } = condition(filter, 2);
  const { rowCount } = await db.query(
    `update queue set expires = now(), due = now(), reason = left($1, 300)
     where id in (select q.id from queue q join messages m on m.id = q.message
       where q.claim is null and ${text} for update of q)`,
    [`expired by ${by.actor}: ${by.reason}`, ...values],
  );
  return rowCount ?? 0;
}

/**
 * Gives matching mail to another pool: never-attempted mail only, unless `attempted`; what is in doubt and probes stay
 * where they are (the one may be delivered already, the other tests its lane). Returns how many moved.
 */
export async function rerouteMatching(
  db: Queryable,
  filter: QueueFilter,
  to: { readonly pool: string; readonly attempted: boolean; readonly actor: string; readonly reason: string },
): Promise<number> {
  const { text, values } = condition(filter, 4);
  const { rowCount } = await db.query(
    // Where a person puts it, it stays: no cutover gives it to another arm.
    `update queue set pool = $1, address = null, freed = false, due = now(), reason = left($2, 300), outside = 'operator',
       provider = ${providerIn('$1')}
     where id in (select q.id from queue q join messages m on m.id = q.message
       where q.claim is null and not q.pinned and q.doubts = 0 and ($3 or q.attempts = 0) and q.pool <> $1 and ${text}
       for update of q)`,
    [to.pool, `rerouted by ${to.actor}: ${to.reason}`, to.attempted, ...values],
  );
  return rowCount ?? 0;
}
