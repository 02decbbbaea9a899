/**
 * Idempotency keys: a request that is sent again, because its answer was lost, is answered and not done again.
 *
 * A request first reserves its key with a token of its own, then commits its mail and its answer in one transaction,
 * which fails unless the reservation still is its own. So of twins one commits; a crash before the commit leaves a
 * reservation that another attempt takes over; after the commit the answer is there.
 */
import type { Queryable } from './connect.ts';

export interface KeyOf {
  readonly user: string;
  readonly key: string;
}

export type Reservation =
  /** The caller may commit with its token. */
  { readonly kind: 'mine' } | KnownKey;

export type KnownKey =
  /** It was committed: the stored answer. */
  | { readonly kind: 'answered'; readonly answer: unknown }
  /** Another attempt is at it. */
  | { readonly kind: 'busy' }
  /** The key was used for another request. */
  | { readonly kind: 'other-request' };

/** A commit takes less, or its process is gone. */
const TAKE_OVER = `interval '30 seconds'`;

/** Reserves a key for a request with this hash (SHA-256 of its body) and token (uuid). */
export async function reserveKey(db: Queryable, of: KeyOf, hash: Buffer, token: string): Promise<Reservation> {
  const { rows } = await db.query(
    `insert into idempotency_keys as k (user_name, key, hash, token) values ($1, $2, $3, $4)
     on conflict (user_name, key) do update set token = excluded.token, reserved_at = now()
       where k.answer is null and k.hash = excluded.hash and k.reserved_at < now() - ${TAKE_OVER}
     returning true`,
    [of.user, of.key, hash, token],
  );
  return rows.length > 0 ? { kind: 'mine' } : ((await readKey(db, of, hash)) ?? { kind: 'busy' });
}

/** What is known of a key; undefined: nothing. Reserves nothing. */
export async function readKey(db: Queryable, of: KeyOf, hash: Buffer): Promise<KnownKey | undefined> {
  const { rows } = await db.query(
    'select hash = $3 as same, answer from idempotency_keys where user_name = $1 and key = $2',
    [of.user, of.key, hash],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  if (!row.same) return { kind: 'other-request' };
  return row.answer === null ? { kind: 'busy' } : { kind: 'answered', answer: row.answer };
}

/** Lets go of a key for which nothing was committed. */
export async function releaseKey(db: Queryable, of: KeyOf, token: string): Promise<void> {
  await db.query('delete from idempotency_keys where user_name = $1 and key = $2 and token = $3 and answer is null', [
    of.user,
    of.key,
    token,
  ]);
}

/** The reservation went to another attempt: what was to be committed with it must not be. */
export class ReservationLost extends Error {
  /** As an integrity violation (SQLSTATE class 23): the data itself is refused, and trying again changes nothing. */
  readonly code = '23000';
  constructor() {
    super('another attempt of the same request took its idempotency key over');
  }
}

/** Stores the answer, in the transaction that commits the mail. Throws ReservationLost. */
export async function answerKey(db: Queryable, of: KeyOf, token: string, answer: unknown): Promise<void> {
  const { rowCount } = await db.query(
    `update idempotency_keys set answer = $4 where user_name = $1 and key = $2 and token = $3 and answer is null`,
    [of.user, of.key, token, JSON.stringify(answer)],
  );
  if (rowCount !== 1) throw new ReservationLost();
}

/** Keys are kept for a day. Returns how many were dropped. */
export async function dropOldKeys(db: Queryable): Promise<number> {
  const { rowCount } = await db.query(`delete from idempotency_keys where reserved_at < now() - interval '24 hours'`);
  return rowCount ?? 0;
}
