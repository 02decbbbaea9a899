/** What became of all mail of a front by our own rows and the events of the engine its old arm is: one side of an account. */
import type { Queryable } from './connect.ts';

/** Recipients. Probes are left out. */
export interface Ends {
  readonly accepted: number;
  /** By our own addresses. */
  readonly delivered: number;
  readonly bounced: number;
  readonly expired: number;
  readonly queued: number;
  /** Handed on to an upstream, and what its engine said of it. */
  readonly relayed: number;
  readonly relayedDelivered: number;
  readonly relayedBounced: number;
}

export async function endsOf(db: Queryable, front: string): Promise<Ends> {
  const { rows } = await db.query(
    `with probe as (
       select recipient from probes union all select recipient from cutover_probes
     ), mine as (
       select a.recipient, a.severity, a.final from attempts a join messages m on m.id = a.message
       where m.pool = $1 and a.recipient not in (select recipient from probe)
     ), sent as (
       select recipient, bool_or(severity = 'delivered') as delivered, bool_or(severity = 'relayed') as relayed,
         bool_or(final and severity in ('hard', 'soft', 'blocked')) as bounced,
         bool_or(final and severity = 'expired') as expired
       from mine group by recipient
     ), told as (
       select s.*, exists (select from legacy_events e where e.recipient = s.recipient and e.kind = 'delivered') as by_them,
         exists (select from legacy_events e where e.recipient = s.recipient and e.kind in ('hard', 'soft', 'blocked', 'expired'))
           as not_by_them
       from sent s
     ), waiting as (
       select q.id from queue q join messages m on m.id = q.message
       where m.pool = $1 and q.id not in (select recipient from probe)
     )
     select (select count(*)::int from (select recipient from sent union select id from waiting) every) as accepted,
       count(*) filter (where delivered)::int as delivered, count(*) filter (where bounced and not delivered)::int as bounced,
       count(*) filter (where expired and not delivered)::int as expired,
       (select count(*)::int from waiting) as queued,
       count(*) filter (where relayed)::int as relayed,
       count(*) filter (where relayed and by_them)::int as "relayedDelivered",
       count(*) filter (where relayed and not by_them and not_by_them)::int as "relayedBounced"
     from told`,
    [front],
  );
  return rows[0];
}
