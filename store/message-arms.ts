/** Which arm of its front each recipient of a message took, or waits in. */
import type { Arm } from '../policy/cutover/split.ts';
import type { Queryable } from './connect.ts';

export interface MessageArm {
  readonly recipient: number;
  readonly front: string;
  /** null: it is not chosen yet, or a pool that is no arm carries it. */
  readonly arm: Arm | null;
  /** The pool that carries it; of finished mail the arm's. */
  readonly pool: string | null;
  readonly bucket: number | null;
  readonly outside: string | null;
  /** Of the mailbox. */
  readonly provider: string | null;
  readonly stream: string;
  /** When its arm was chosen last, as far as is known: its first attempt; null: it has had none. ms */
  readonly at: number | null;
  /** null: finished. */
  readonly waiting: { readonly claim: string | null; readonly attempts: number; readonly doubts: number } | null;
}

/** Recipients of a message whose pool is, or was, divided, in order; none where it was not. */
export async function messageArms(db: Queryable, message: number): Promise<MessageArm[]> {
  const { rows } = await db.query(
    `select q.id as recipient, coalesce(q.front, q.pool) as front, q.pool, q.bucket, q.outside, q.mailbox_provider as provider,
       case when q.front is null then null when q.pool = s.new_arm then 'new' when q.pool = s.old_arm then 'old' end as arm,
       q.stream, extract(epoch from q.first_attempt)::float8 * 1000 as at,
       json_build_object('claim', q.claim, 'attempts', q.attempts, 'doubts', q.doubts) as waiting
     from queue q left join splits s on s.front = coalesce(q.front, q.pool)
     where q.message = $1 and (q.front is not null or s.settled is null and s.front is not null)
     union all
     select * from (
       select distinct on (a.recipient) a.recipient, a.front, case a.arm when 'new' then s.new_arm when 'old' then s.old_arm end,
         a.bucket, a.outside, a.mailbox_provider, a.arm, m.stream, extract(epoch from a.first_at)::float8 * 1000, null::json
       from attempts a join messages m on m.id = a.message left join splits s on s.front = a.front
       where a.message = $1 and a.front is not null and not exists (select from queue q where q.id = a.recipient)
       order by a.recipient, a.number desc, a.id desc
     ) ended
     order by 1`,
    [message],
  );
  return rows;
}

export interface RungThen {
  readonly cutover: string;
  readonly rung: number;
}

/** The cutover of a front at an instant (ms), and the rung it stood at; undefined: there was none. */
export async function rungThen(db: Queryable, front: string, at: number): Promise<RungThen | undefined> {
  const { rows } = await db.query(
    `select c.id as cutover, (select d.to_rung from cutover_decisions d where d.cutover = c.id and d.at <= $2
       order by d.id desc limit 1) as rung
     from cutovers c where c.front = $1 and c.started_at <= $2 and (c.ended_at is null or c.ended_at >= $2)
     order by c.started_at desc limit 1`,
    [front, new Date(at)],
  );
  return rows[0]?.rung == null ? undefined : rows[0];
}
