/** Waiting mail that changes its arm: read in pages, moved in small transactions, and paced where it goes back. */
import type { ReleaseState } from '../policy/cutover/release.ts';
import type { MoveRules } from '../policy/cutover/split.ts';
import { type Queryable, type Store, tx } from './connect.ts';

/** A waiting recipient, as far as its arm is concerned. */
export interface FrontMail {
  readonly id: number;
  readonly rcpt: string;
  readonly domain: string;
  readonly pool: string;
  readonly front: string | null;
  readonly tenant: string;
  readonly stream: string;
  readonly provider: string | null;
  readonly mailboxProvider: string | null;
  readonly attempts: number;
  readonly doubts: number;
  readonly pinned: boolean;
  readonly outside: string | null;
}

const FRONT_MAIL = `id, rcpt, domain, pool, front, tenant, stream, provider, mailbox_provider as "mailboxProvider", attempts,
  doubts, pinned, outside`;

/** Mail of a front in one pool that is in nobody's hands, after an id. What has no provider yet has no arm either. */
export async function waitingIn(
  db: Queryable,
  front: string,
  pool: string,
  after: number,
  limit: number,
): Promise<FrontMail[]> {
  const { rows } = await db.query(
    `select ${FRONT_MAIL} from queue where front = $1 and pool = $2 and id > $3 and claim is null and provider is not null
     order by id limit $4`,
    [front, pool, after, limit],
  );
  return rows;
}

/** Mail of these fronts to a domain whose provider was not known, accepted before or since their cutovers began. */
export async function unroutedOf(
  db: Queryable,
  fronts: readonly string[],
  domain: string,
  after: number,
  limit: number,
): Promise<FrontMail[]> {
  const { rows } = await db.query(
    `select ${FRONT_MAIL} from queue
     where domain = $2 and provider is null and claim is null and coalesce(front, pool) = any($1::text[]) and id > $3
     order by id limit $4`,
    [fronts, domain, after, limit],
  );
  return rows;
}

/** The columns of a queue row that say who carries it. */
export interface Placing {
  readonly id: number;
  readonly front: string;
  readonly pool: string;
  readonly provider: string | null;
  readonly bucket: number;
  readonly outside: string | null;
  readonly mailboxProvider: string | null;
  /** Not before (ms); null: as it was. Mail that is not released yet is not sent earlier for it. */
  readonly due: number | null;
  /** What a person reads on it; null: as it was. */
  readonly why: string | null;
}

/** The reason of mail that waits to go back, in SQL: an attempt gives it another. */
export const WENT_BACK = (pool: string) => `'went back to ' || ${pool}`;

/**
 * Places waiting mail: rows claimed by `process`, or (null) in nobody's hands; they are let go. Others are left alone.
 * Returns how many rows it placed.
 */
export async function placeMail(db: Queryable, process: string | null, rows: readonly Placing[]): Promise<number> {
  if (rows.length === 0) return 0;
  const { rowCount } = await db.query(
    `update queue q set front = p.front, pool = p.pool, provider = p.provider, bucket = p.bucket, outside = p.outside,
       mailbox_provider = p.mailbox_provider, claim = null, claimed_at = null, reason = coalesce(p.why, q.reason),
       address = case when q.pool = p.pool then q.address end, freed = q.freed and q.pool = p.pool,
       own_due = case when p.due is not null then coalesce(q.own_due, q.due) end,
       -- It is not to expire because it went back: the last tenth of its time is kept.
       due = case when p.due is null then
           -- Who leaves the old arm again no longer waits for its pace.
           case when q.own_due is not null and q.pool <> p.pool and q.reason = ${WENT_BACK('q.pool')} then q.own_due else q.due end
         else greatest(q.due, least(p.due, q.expires - greatest(interval '0', q.expires - now()) / 10)) end
     from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::timestamptz[],
       $10::text[]) as p(id, front, pool, provider, bucket, outside, mailbox_provider, due, why)
     where q.id = p.id and q.claim is not distinct from $1`,
    [
      process,
      rows.map((row) => row.id),
      rows.map((row) => row.front),
      rows.map((row) => row.pool),
      rows.map((row) => row.provider),
      rows.map((row) => row.bucket),
      rows.map((row) => row.outside),
      rows.map((row) => row.mailboxProvider),
      rows.map((row) => (row.due === null ? null : new Date(row.due))),
      rows.map((row) => row.why),
    ],
  );
  return rowCount ?? 0;
}

/** What of a front goes back to its old arm at a provider. */
export interface ReleaseOf {
  readonly front: string;
  readonly oldArm: string;
  readonly newArm: string;
  readonly provider: string;
  readonly revision: number;
  /** The new arm's line for marketing, in buckets: what is above it goes back. */
  readonly line: number;
  /** Does attempted mail go back too? */
  readonly attempted: boolean;
  /** Real ms of a plan day. */
  readonly dayMs: number;
  readonly moves: MoveRules;
}

/** What a release is planned from. */
export interface ReleaseFacts {
  readonly backlog: number;
  readonly used: number;
  readonly peak: number | null;
}

/**
 * Returns rows of one provider to the old arm at its pace, in one transaction: `plan` makes the release where none runs
 * since this revision, `times` gives the instants. Rows that somebody took meanwhile take no place. Returns how many moved.
 */
export async function returnMail(
  store: Store,
  of: ReleaseOf,
  rows: readonly Omit<Placing, 'due'>[],
  rules: {
    readonly plan: (facts: ReleaseFacts, now: number, nextAt: number) => ReleaseState;
    readonly times: (state: ReleaseState, count: number, now: number) => { dues: number[]; state: ReleaseState };
  },
): Promise<number> {
  return tx(store, async (db) => {
    await lockRelease(db, of);
    const found = await db.query(
      `select revision, at_once as "atOnce", gap_ms as "gapMs", extract(epoch from next_at)::float8 * 1000 as "nextAt"
       from split_releases where front = $1 and provider = $2`,
      [of.front, of.provider],
    );
    const clock = await db.query(`select extract(epoch from now())::float8 * 1000 as now`);
    const now: number = clock.rows[0].now;
    const known = found.rows[0];
    const state: ReleaseState =
      known !== undefined && known.revision >= of.revision
        ? known
        : rules.plan(await releaseFacts(db, of), now, known?.nextAt ?? now);
    const free = await db.query(
      `select id from queue where id = any($1::bigint[]) and claim is null for update skip locked`,
      [rows.map((row) => row.id)],
    );
    const ids = new Set(free.rows.map((row) => row.id as number));
    const mine = rows.filter((row) => ids.has(row.id));
    const given = rules.times(state, mine.length, now);
    const placed = await placeMail(
      db,
      null,
      mine.map((row, n) => ({ ...row, due: given.dues[n] ?? now })),
    );
    await db.query(
      `insert into split_releases (front, provider, revision, at_once, gap_ms, next_at, released, moves)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (front, provider) do update set revision = $3, at_once = $4, gap_ms = $5, next_at = $6, moves = $8,
         released = case when split_releases.revision < $3 then 0 else split_releases.released end + $7`,
      [
        of.front,
        of.provider,
        of.revision,
        given.state.atOnce,
        given.state.gapMs,
        new Date(given.state.nextAt),
        placed,
        JSON.stringify(of.moves),
      ],
    );
    return placed;
  });
}

/** Held to the end: two processes that return mail at once take turns, and no instant is given twice. */
export async function lockRelease(db: Queryable, { front, provider }: ReleaseOf): Promise<void> {
  await db.query('select pg_advisory_xact_lock(hashtextextended($1, 19))', [`${front} ${provider}`]);
}

export async function releaseFacts(db: Queryable, of: ReleaseOf, again = false): Promise<ReleaseFacts> {
  const day = of.dayMs / 1000;
  const { rows } = await db.query(
    `select
       (select count(*)::int from queue where front = $1 and pool = $3 and mailbox_provider = $4 and bucket >= $5
          and stream = 'marketing' and (attempts = 0 or $6) and doubts = 0 and not pinned) as backlog,
       (select count(*)::int from queue where front = $1 and pool = $2 and mailbox_provider = $4 and attempts = 0
          and due < now() + make_interval(secs => $7)
          and not (due > now() and own_due is not null and coalesce(reason, '') = ${WENT_BACK('pool')} and $8)) + (
        select count(*)::int from attempts where front = $1 and arm = 'old' and mailbox_provider = $4 and number = 1
          and first_at > now() - make_interval(secs => $7)) as used,
       (select max(sent)::int from (
          select count(*) as sent from attempts where front = $1 and arm = 'old' and mailbox_provider = $4 and number = 1
            and first_at > now() - 7 * make_interval(secs => $7)
          group by floor(extract(epoch from now() - first_at) / $7)) days) as peak`,
    [of.front, of.oldArm, of.newArm, of.provider, of.line, of.attempted, day, again],
  );
  return rows[0];
}

export interface FrontQueue {
  /** null: the arm is not chosen yet. */
  readonly arm: 'old' | 'new' | null;
  /** Whose mailboxes; null: not known yet. */
  readonly provider: string | null;
  readonly stream: string;
  readonly waiting: number;
  /** Of them: never attempted, and with an attempt whose answer never came. */
  readonly fresh: number;
  readonly inDoubt: number;
  /** In a process's hands now. */
  readonly claimed: number;
  /** Goes out later: a release that is spread, a retry, or not before its time. */
  readonly later: number;
}

/** What waits of a front, by arm. */
export async function frontQueue(db: Queryable, front: string): Promise<FrontQueue[]> {
  const { rows } = await db.query(
    `select case q.pool when s.new_arm then 'new' when s.old_arm then 'old' end as arm, q.mailbox_provider as provider,
       q.stream, count(*)::int as waiting, count(*) filter (where q.attempts = 0)::int as fresh,
       count(*) filter (where q.doubts > 0)::int as "inDoubt", count(*) filter (where q.claim is not null)::int as claimed,
       count(*) filter (where q.due > now())::int as later
     from queue q join splits s on s.front = q.front where q.front = $1 group by 1, 2, 3 order by 1, 2, 3`,
    [front],
  );
  return rows;
}

export interface FrontRelease {
  readonly provider: string;
  readonly revision: number;
  /** Recipients that went back since that revision. */
  readonly released: number;
  /** Of them: still waits for its turn. */
  readonly waiting: number;
  /** When the last of them goes out, ms. */
  readonly until: number;
  /** Nothing goes until another order. */
  readonly stopped: boolean;
}

/** What went back to the old arm, and until when it is spread. */
export async function frontReleases(db: Queryable, front: string): Promise<FrontRelease[]> {
  const { rows } = await db.query(
    `select r.provider, r.revision, r.released, extract(epoch from r.next_at)::float8 * 1000 as until,
       coalesce(coalesce(r.moves->'perDay'->r.provider, r.moves->'perDay'->'*')::text = '0', false) as stopped,
       (select count(*)::int from queue q join splits s on s.front = q.front and s.old_arm = q.pool
        where q.front = r.front and q.mailbox_provider = r.provider and q.due > now() and q.own_due is not null
          and q.reason = ${WENT_BACK('q.pool')}) as waiting
     from split_releases r where r.front = $1 order by r.provider`,
    [front],
  );
  return rows;
}
