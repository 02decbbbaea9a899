/** Users: who may hand in mail, for which pools, tenants and streams, as which domains, and how much of it. */
import type { Queryable } from './connect.ts';

export type Stream = 'marketing' | 'transactional';

export interface User {
  readonly name: string;
  /** store/password.ts */
  readonly passwordHash: string;
  /** At least one; the first is the default. */
  readonly pools: readonly string[];
  /** Sender domains, `*.example.com` for all below one; none: every one. */
  readonly domains: readonly string[];
  /** Tenants they may name, the first is the default; none or absent: every one. */
  readonly tenants?: readonly string[];
  /** Streams they may name, the first is the default; none or absent: both. */
  readonly streams?: readonly Stream[];
  /** Recipients an hour; null: no limit. */
  readonly rate: number | null;
}

export type Rights = Required<Omit<User, 'name' | 'passwordHash'>>;

export interface UserRow extends Omit<User, 'passwordHash'> {
  readonly createdAt: Date;
  readonly changedAt: Date;
}

/** Adds a user. Returns false, and changes nothing, when the name is taken. */
export async function addUser(db: Queryable, user: User): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into users (name, password_hash, pools, domains, rate, tenants, streams) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict do nothing`,
    [user.name, user.passwordHash, user.pools, user.domains, user.rate, user.tenants ?? [], user.streams ?? []],
  );
  return rowCount === 1;
}

/** Returns false when there is no such user. */
export async function setPassword(db: Queryable, name: string, passwordHash: string): Promise<boolean> {
  const { rowCount } = await db.query('update users set password_hash = $2, changed_at = now() where name = $1', [
    name,
    passwordHash,
  ]);
  return rowCount === 1;
}

/** Changes what is given and leaves the rest. Returns what holds now; undefined: there is no such user. */
export async function setRights(db: Queryable, name: string, rights: Partial<Rights>): Promise<Rights | undefined> {
  const { pools, domains, tenants, streams, rate } = rights;
  const { rows } = await db.query(
    `update users set pools = coalesce($2, pools), domains = coalesce($3, domains), tenants = coalesce($4, tenants),
       streams = coalesce($5, streams), rate = case when $6 then $7 else rate end, changed_at = now()
     where name = $1 returning pools, domains, tenants, streams, rate`,
    [name, pools ?? null, domains ?? null, tenants ?? null, streams ?? null, rate !== undefined, rate ?? null],
  );
  return rows[0];
}

/** Returns false when there is no such user. Mail they handed in before goes on. */
export async function removeUser(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `with gone as (delete from users where name = $1 returning name),
       rate as (delete from user_rates where name in (select name from gone))
     select name from gone`,
    [name],
  );
  return rowCount === 1;
}

export async function findUser(db: Queryable, name: string): Promise<User | undefined> {
  const { rows } = await db.query(
    `select name, password_hash as "passwordHash", pools, domains, rate, tenants, streams from users where name = $1`,
    [name],
  );
  return rows[0];
}

/** Every user by name, without their hashes. */
export async function listUsers(db: Queryable): Promise<UserRow[]> {
  const { rows } = await db.query(
    `select name, pools, domains, rate, tenants, streams, created_at as "createdAt", changed_at as "changedAt"
     from users order by name`,
  );
  return rows;
}

export interface RateBlock {
  /** Recipients this process may take without asking again; 0: the hour is used up. */
  readonly granted: number;
  /** When the hour that runs ends. */
  readonly until: Date;
  /** ms until then, by the store's clock. */
  readonly lasts: number;
}

/**
 * Takes a block of a user's hourly rate for one process: at least `want`, or nothing. An hour begins with its first
 * message. Blocks are a fiftieth of what is left, so that what an idle process holds back is never much.
 */
export async function takeRate(db: Queryable, name: string, rate: number, want: number): Promise<RateBlock> {
  await db.query(`insert into user_rates (name, starts, used) values ($1, now(), 0) on conflict do nothing`, [name]);
  const { rows } = await db.query(
    `with running as (
       select name, case when over then now() else starts end as starts, case when over then 0 else used end as used
       from (select *, starts <= now() - interval '1 hour' as over from user_rates where name = $1 for update) r
     ), taken as (
       select *, case when $2 - used < $3 then 0 else greatest($3, least(100, ($2 - used) / 50)) end as granted from running
     )
     update user_rates u set starts = t.starts, used = t.used + t.granted from taken t where u.name = t.name
     returning t.granted, t.starts + interval '1 hour' as until,
       extract(epoch from t.starts + interval '1 hour' - now())::float8 * 1000 as lasts`,
    [name, rate, want],
  );
  return rows[0];
}
