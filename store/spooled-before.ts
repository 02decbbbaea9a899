/** What a commit whose answer was lost had stored: some of its recipients may be finished by now. */
import type { Queryable } from './connect.ts';
import type { Spooled, SpoolMessage } from './spool.ts';

interface Row {
  readonly message: number;
  readonly id: number;
  readonly rcpt: string | null;
  readonly mine: boolean;
}

/**
 * The ids of these messages as `batch` stored them, in their order; none: it did not. A finished recipient is found by its
 * last attempt: ids must never be told by counting rows, or one recipient's mail would be settled as another's.
 */
export async function spooledBefore(
  db: Queryable,
  messages: readonly SpoolMessage[],
  batch: string,
  process: string,
): Promise<Spooled[]> {
  const { rows } = await db.query(
    `select m.id as message, r.id, r.rcpt, r.mine from messages m left join lateral (
       select q.id, q.rcpt, coalesce(q.claim = $2, false) as mine from queue q where q.message = m.id
       union all
       select a.recipient, a.rcpt, false from attempts a where a.message = m.id and a.final
     ) r on true where m.batch = $1 order by m.id, r.id`,
    [batch, process],
  );
  return [...Map.groupBy(rows as Row[], (row) => row.message)].map(([message, stored], n) => {
    const left = stored.filter((row) => row.id !== null);
    const found = (messages[n]?.recipients ?? []).map(({ rcpt }) => {
      const at = left.findIndex((row) => row.rcpt === rcpt);
      return at === -1 ? undefined : left.splice(at, 1)[0];
    });
    return {
      message,
      recipients: found.map((row) => row?.id ?? 0),
      claimed: found.map((row) => row?.mine ?? false),
    };
  });
}
