/** A front's mail as the MTA leaves it in the database: one message for many recipients, and an attempt for each. */
import type { Arm } from '../../policy/cutover/split.ts';
import type { Store } from '../../store/connect.ts';

export interface MailBatch {
  readonly front: string;
  readonly stream: string;
  readonly provider: string;
  readonly arm: Arm;
  readonly count: number;
  readonly campaign: string;
  /** First attempt of the first one, ms, and of each that follows so much later. */
  readonly at: number;
  readonly apartMs: number;
  /** Shares that meet these; the others are delivered. */
  readonly hard: number;
  readonly deferred: number;
  readonly blocked: number;
  /** Handed on to an upstream instead. */
  readonly relayed?: boolean;
}

/** Far from the ids of what a test spools for real. */
let recipients = 10_000_000;

export async function insertMail(store: Store, one: MailBatch): Promise<void> {
  if (one.count === 0) return;
  const { rows } = await store.query(
    `insert into messages (body_id, batch, message_id, mail_from, pool, tenant, stream, segment, campaign, recipients)
     values (1, gen_random_uuid(), 'm', 'a@b.example', $1, 'acme', $2, 'all', $3, $4) returning id`,
    [one.front, one.stream, one.campaign, one.count],
  );
  const kinds = [one.hard, one.blocked, one.deferred].map((share) => Math.round(one.count * share));
  const [hard = 0, blocked = 0, deferred = 0] = kinds;
  await store.query(
    `insert into attempts (recipient, message, provider, at, number, first_at, unit, severity, class, scope, rule, reply, final,
       campaign, tenant, process, front, arm, bucket, mailbox_provider)
     select $1 + n, $2, $3, t, 1, t, true,
       case when $5 then 'relayed' when n <= $6 then 'hard' when n <= $7 then 'blocked' when n <= $8 then 'deferred' else 'delivered' end,
       'test', 'message', 'test', '', true, $9, 'acme', 'test', $10, $11, 0, $3
     from generate_series(1, $12::int) n, lateral (select $4::timestamptz + n * make_interval(secs => $13::float8 / 1000)) as at(t)`,
    [
      ...[recipients, rows[0].id, one.provider, new Date(one.at), one.relayed === true],
      ...[hard, hard + blocked, hard + blocked + deferred, one.campaign, one.front, one.arm, one.count, one.apartMs],
    ],
  );
  recipients += one.count;
}
