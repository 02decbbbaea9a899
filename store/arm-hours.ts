/**
 * What became of a front's mail, arm by arm and hour by hour: the rows that are compared. Mail that says nothing about the
 * arms (overflow, moved, probes; `outside`) is left out. An arm that is an upstream shows what was handed on to it, and no
 * more: what became of that mail its own events have to say.
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
         bool_or(a.severity = 'hard') as hard, bool_or(a.severity = 'blocked') as blocked
       from attempts a
       where a.front = $1 and a.first_at >= $2 and a.first_at < $3 and a.arm is not null and a.outside is null
         and not a.probe and a.severity <> 'in-doubt'
       group by 1, 2, 3, 4, 5
     )
     select s.arm, s.provider, s.campaign, m.segment, m.stream,
       floor(extract(epoch from s.first_at) * 1000 / $4::float8) * $4::float8 as hour,
       count(*)::int as messages, count(s.delivered_at)::int as delivered,
       count(*) filter (where s.was_deferred and not s.hard
         and s.first_at <= $3::timestamptz - make_interval(secs => $5::float8 / 1000)
         and (s.delivered_at is null or s.delivered_at > s.first_at + make_interval(secs => $5::float8 / 1000)))::int as deferred,
       count(*) filter (where s.hard or b.recipient is not null)::int as hard, count(*) filter (where s.blocked)::int as blocked,
       count(c.recipient)::int as complaints
     from sent s join messages m on m.id = s.message
       left join complaints c on c.recipient = s.recipient
       left join late_bounces b on b.recipient = s.recipient and b.severity = 'hard'
     group by 1, 2, 3, 4, 5, 6 order by 6, 1, 2, 3, 4, 5`,
    [query.front, new Date(query.from), new Date(query.to), query.hourMs, query.deferralAfterMs],
  );
  return rows;
}
