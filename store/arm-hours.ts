/**
 * What became of a front's mail, arm by arm and hour by hour: the rows that are compared. Mail that says nothing about the
 * arms (overflow, moved, probes; `outside`) is left out. Of mail that was handed on to an upstream our own attempts say
 * nothing more: what became of it the events of its engine say (store/legacy-events.ts), as far as they do (`told`).
 */
import type { ArmHour } from '../policy/cutover/evidence.ts';
import type { Queryable } from './connect.ts';

export interface ArmHoursQuery {
  readonly front: string;
  /** First attempts from here on, before there (ms). */
  readonly from: number;
  readonly to: number;
  /** Length of an hour, real ms. */
  readonly hourMs: number;
  /** Real ms after its first attempt at which an undelivered message is a deferral. */
  readonly deferralAfterMs: number;
}

export async function armHours(db: Queryable, query: ArmHoursQuery): Promise<ArmHour[]> {
  const { rows } = await db.query(
    `with sent as (
       select a.recipient, a.message, a.arm, coalesce(a.mailbox_provider, a.provider) as provider, a.campaign,
         min(a.first_at) as first_at, min(a.at) filter (where a.severity = 'delivered') as delivered_at,
         bool_or(a.severity = 'deferred' and a.class <> 'greylist') as was_deferred,
         bool_or(a.severity = 'hard') as hard, bool_or(a.severity = 'blocked') as blocked,
         bool_or(a.severity = 'relayed') as relayed
       from attempts a
       where a.front = $1 and a.first_at >= $2 and a.first_at < $3 and a.arm is not null and a.outside is null
         and not a.probe and a.severity <> 'in-doubt'
       group by 1, 2, 3, 4, 5
     ), known as (
       select s.recipient, s.message, s.arm, s.provider, s.campaign, s.relayed, s.first_at,
         case when s.relayed then e.delivered_at else s.delivered_at end as delivered_at,
         case when s.relayed then e.put_off else s.was_deferred end as was_deferred,
         case when s.relayed then e.hard else s.hard end as hard,
         case when s.relayed then e.blocked else s.blocked end as blocked,
         not s.relayed or coalesce(e.ended, false) as told, s.relayed and coalesce(e.complained, false) as complained
       from sent s left join lateral (
         select min(e.at) filter (where e.kind = 'delivered') as delivered_at,
           bool_or(e.kind = 'deferred' and e.class is distinct from 'greylist') as put_off, bool_or(e.kind = 'hard') as hard,
           bool_or(e.kind = 'blocked') as blocked, bool_or(e.kind = 'complaint') as complained,
           bool_or(e.kind <> 'accepted') as ended
         from legacy_events e where s.relayed and e.recipient = s.recipient
       ) e on true
     )
     select s.arm, s.provider, s.campaign, m.segment, m.stream,
       floor(extract(epoch from s.first_at) * 1000 / $4::float8) * $4::float8 as hour,
       count(*)::int as messages, count(*) filter (where s.told)::int as told, count(s.delivered_at)::int as delivered,
       count(*) filter (where s.was_deferred and not s.hard
         and s.first_at <= $3::timestamptz - make_interval(secs => $5::float8 / 1000)
         and (s.delivered_at is null or s.delivered_at > s.first_at + make_interval(secs => $5::float8 / 1000)))::int as deferred,
       count(*) filter (where s.hard or b.recipient is not null)::int as hard, count(*) filter (where s.blocked)::int as blocked,
       count(*) filter (where s.complained or c.recipient is not null)::int as complaints
     from known s join messages m on m.id = s.message
       left join complaints c on c.recipient = s.recipient
       left join late_bounces b on b.recipient = s.recipient and b.severity = 'hard'
     group by 1, 2, 3, 4, 5, 6 order by 6, 1, 2, 3, 4, 5`,
    [query.front, new Date(query.from), new Date(query.to), query.hourMs, query.deferralAfterMs],
  );
  return rows;
}

/** Puts the hours from an instant on in the place of what was kept of them. */
export async function keepHours(db: Queryable, cutover: string, from: number, rows: readonly ArmHour[]): Promise<void> {
  await db.query('delete from cutover_hours where cutover = $1 and hour >= $2', [cutover, new Date(from)]);
  const column = <Key extends keyof ArmHour>(key: Key) => rows.map((row) => row[key]);
  await db.query(
    `insert into cutover_hours (cutover, hour, arm, provider, campaign, segment, stream, messages, told, delivered, deferred, hard,
       blocked, complaints)
     select $1, * from unnest($2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
       $9::int[], $10::int[], $11::int[], $12::int[], $13::int[], $14::int[])`,
    [
      ...[cutover, rows.map(({ hour }) => new Date(hour)), column('arm'), column('provider'), column('campaign')],
      ...[
        column('segment'),
        column('stream'),
        column('messages'),
        column('told'),
        column('delivered'),
        column('deferred'),
      ],
      ...[column('hard'), column('blocked'), column('complaints')],
    ],
  );
}

/** Hours that were kept, from an instant (ms) on. */
export async function keptHours(db: Queryable, cutover: string, from: number): Promise<ArmHour[]> {
  const { rows } = await db.query(
    `select extract(epoch from hour)::float8 * 1000 as hour, arm, provider, campaign, segment, stream, messages, told, delivered,
       deferred, hard, blocked, complaints from cutover_hours where cutover = $1 and hour >= $2 order by hour`,
    [cutover, new Date(from)],
  );
  return rows;
}

/** The last hour that was counted (ms); null: none was. */
export async function lastKeptHour(db: Queryable, cutover: string): Promise<number | null> {
  const { rows } = await db.query(
    'select extract(epoch from max(hour))::float8 * 1000 as last from cutover_hours where cutover = $1',
    [cutover],
  );
  return rows[0].last;
}

/**
 * The first kept hour (ms), from an instant (ms) on, of which an arm that gives events was told less than a share (0 to 1) of
 * its messages: they may have come since. null: there is none.
 */
export async function firstUntoldHour(
  db: Queryable,
  cutover: string,
  from: number,
  share: number,
): Promise<number | null> {
  const { rows } = await db.query(
    `select extract(epoch from min(hour))::float8 * 1000 as first from (
       select hour from cutover_hours where cutover = $1 and hour >= $2
         and arm in (select arm from cutover_hours where cutover = $1 and told > 0)
       group by hour, arm having sum(told) < $3::float8 * sum(messages)) untold`,
    [cutover, new Date(from), share],
  );
  return rows[0].first;
}
