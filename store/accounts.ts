/** What became of every message, for checkers that compare it with what they saw themselves. */
import type { Queryable } from './connect.ts';

export interface Fates {
  readonly queued: readonly string[];
  readonly bounced: readonly string[];
  readonly expired: readonly string[];
  /** Attempts whose final answer is not known: each may be a duplicate. */
  readonly inDoubt: number;
}

/** Message-IDs that wait, bounced, and expired. A message with several recipients may be in more than one. */
export async function fates(db: Queryable): Promise<Fates> {
  const ids = async (sql: string) => (await db.query(sql)).rows.map((row) => row.message_id as string);
  const ended = (severities: string) =>
    ids(`select distinct m.message_id from attempts a join messages m on m.id = a.message
         where a.final and a.severity in (${severities})`);
  const { rows } = await db.query(`select count(*)::int as n from attempts where severity = 'in-doubt'`);
  return {
    queued: await ids('select distinct m.message_id from queue q join messages m on m.id = q.message'),
    bounced: await ended(`'hard', 'soft', 'blocked', 'in-doubt'`),
    expired: await ended(`'expired'`),
    inDoubt: rows[0].n,
  };
}

export interface Waiting {
  readonly provider: string | null;
  readonly campaign: string;
  readonly messages: number;
  readonly reason: string | null;
}

/** What waits, by provider and campaign. */
export async function waiting(db: Queryable): Promise<Waiting[]> {
  const { rows } = await db.query(
    `select provider, campaign, count(*)::int as messages, min(reason) as reason from queue group by 1, 2 order by 3 desc`,
  );
  return rows;
}

/** 95th percentile of the time from acceptance to delivery of live mail, ms; null without any. */
export async function queueTimeP95(db: Queryable): Promise<number | null> {
  const { rows } = await db.query(
    `select percentile_cont(0.95) within group (order by extract(epoch from a.at - m.received_at) * 1000) as p95
     from attempts a join messages m on m.id = a.message where a.severity = 'delivered' and not a.probe`,
  );
  return rows[0].p95 === null ? null : Number(rows[0].p95);
}
