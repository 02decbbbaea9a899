/**
 * DKIM keys. A key is `published` when its record was handed to whoever keeps the DNS, `active` once the record was seen
 * there, and `retired` when a newer one of its domain and algorithm became active; its record stays until `keepUntil`.
 */
import { type Queryable, type Store, tx } from './connect.ts';

export interface DkimKeyRow {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  /** base64, as in the p= of its record. */
  readonly publicKey: string;
  readonly state: 'published' | 'active' | 'retired';
  readonly createdAt: Date;
  readonly checkedAt: Date | null;
  /** What the last look at DNS found; null: not looked yet, or found in order. */
  readonly checkResult: string | null;
  readonly activatedAt: Date | null;
  readonly retiredAt: Date | null;
  readonly keepUntil: Date | null;
  /** Its private key is in a file named in the configuration. */
  readonly inFile: boolean;
}

export interface NewDkimKey {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  readonly publicKey: string;
  /** null: it is in a file. */
  readonly privateKey: string | null;
}

const COLUMNS = `domain, selector, algorithm, public_key as "publicKey", state, created_at as "createdAt",
  checked_at as "checkedAt", check_result as "checkResult", activated_at as "activatedAt", retired_at as "retiredAt",
  keep_until as "keepUntil", private_key is null as "inFile"`;

/** Stores a key; false: the domain has one with this selector already, which was left as it is. */
export async function addDkimKey(db: Queryable, key: NewDkimKey): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into dkim_keys (domain, selector, algorithm, public_key, private_key) values ($1, $2, $3, $4, $5)
     on conflict (domain, selector) do nothing`,
    [key.domain, key.selector, key.algorithm, key.publicKey, key.privateKey],
  );
  return rowCount === 1;
}

/** Keys of one domain, or all; newest last. */
export async function dkimKeys(db: Queryable, domain?: string): Promise<DkimKeyRow[]> {
  const { rows } = await db.query(
    `select ${COLUMNS} from dkim_keys where $1::text is null or domain = $1 order by domain, algorithm desc, created_at, selector`,
    [domain ?? null],
  );
  return rows;
}

/** The private half of a key as it is stored, maybe sealed; null: it is in a file, or there is no such key. */
export async function privateKeyOf(db: Queryable, domain: string, selector: string): Promise<string | null> {
  const { rows } = await db.query(
    'select private_key as "privateKey" from dkim_keys where domain = $1 and selector = $2',
    [domain, selector],
  );
  return rows[0]?.privateKey ?? null;
}

/** Active keys with what signs: the newest of each domain and algorithm. */
export async function signingKeys(
  db: Queryable,
): Promise<(Pick<DkimKeyRow, 'domain' | 'selector' | 'algorithm' | 'publicKey'> & { privateKey: string | null })[]> {
  const { rows } = await db.query(
    `select distinct on (domain, algorithm) domain, selector, algorithm, public_key as "publicKey",
       private_key as "privateKey"
     from dkim_keys where state = 'active' order by domain, algorithm desc, activated_at desc, selector`,
  );
  return rows;
}

/** Changes with every change of an active key: what a process compares before it loads them. */
export async function signingKeysVersion(db: Queryable): Promise<string> {
  const { rows } = await db.query(
    `select format('%s %s %s', count(*) filter (where state = 'active'), max(activated_at), max(retired_at)) as version
     from dkim_keys`,
  );
  return rows[0].version;
}

/** Keys whose record is waited for. */
export async function unseenDkimKeys(db: Queryable): Promise<DkimKeyRow[]> {
  const { rows } = await db.query(`select ${COLUMNS} from dkim_keys where state = 'published' order by created_at`);
  return rows;
}

/** The record is not there, or is another one: `found` says which, for people. */
export async function noteDkimCheck(db: Queryable, domain: string, selector: string, found: string): Promise<void> {
  await db.query(
    `update dkim_keys set checked_at = now(), check_result = left($3, 300)
     where domain = $1 and selector = $2 and state = 'published'`,
    [domain, selector, found],
  );
}

/**
 * The record was seen: the key signs from now on, and older ones of its domain and algorithm retire. Their records must stay
 * for `overlapMs`: mail they signed is still on its way, and processes learn of the change within seconds. False: another
 * process was first.
 */
export async function activateDkimKey(
  store: Store,
  domain: string,
  selector: string,
  overlapMs: number,
): Promise<boolean> {
  return tx(store, async (db) => {
    const { rows } = await db.query(
      `update dkim_keys set state = 'active', activated_at = now(), checked_at = now(), check_result = null
       where domain = $1 and selector = $2 and state = 'published' returning algorithm, created_at`,
      [domain, selector],
    );
    if (rows.length === 0) return false;
    await db.query(
      `update dkim_keys set state = 'retired', retired_at = now(),
         keep_until = now() + make_interval(secs => $5::float8 / 1000)
       where domain = $1 and selector <> $2 and algorithm = $3 and state = 'active' and created_at <= $4`,
      [domain, selector, rows[0].algorithm, rows[0].created_at, overlapMs],
    );
    return true;
  });
}

/** Ends a key's signing; false: there is no such key, or it had ended. */
export async function retireDkimKey(
  db: Queryable,
  domain: string,
  selector: string,
  overlapMs: number,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `update dkim_keys set state = 'retired', retired_at = now(),
       keep_until = now() + make_interval(secs => case when activated_at is null then 0 else $3::float8 / 1000 end)
     where domain = $1 and selector = $2 and state <> 'retired'`,
    [domain, selector, overlapMs],
  );
  return rowCount === 1;
}
