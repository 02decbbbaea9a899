/** Queued recipients as `why` looks at them: with all that decides which lane may carry them. Reads only. */
import type { Queryable } from './connect.ts';

export interface QueuedMail {
  readonly id: number;
  readonly rcpt: string;
  readonly domain: string;
  readonly pool: string;
  readonly tenant: string;
  readonly stream: string;
  readonly segment: string;
  readonly campaign: string;
  readonly oneClick: boolean;
  /** null: not known yet. */
  readonly provider: string | null;
  /** The address it belongs to; null: any. */
  readonly address: string | null;
  readonly pinned: boolean;
  readonly freed: boolean;
  readonly attempts: number;
  readonly due: number;
  readonly expires: number;
  readonly claim: string | null;
  readonly reason: string | null;
}

const ms = (column: string) => `extract(epoch from ${column})::float8 * 1000`;

export async function queuedMail(db: Queryable, message: number): Promise<QueuedMail[]> {
  const { rows } = await db.query(
    `select id, rcpt, domain, pool, tenant, stream, segment, campaign, one_click as "oneClick", provider,
       host(address) as address, pinned, freed, attempts, ${ms('due')} as due, ${ms('expires')} as expires, claim, reason
     from queue where message = $1 order by id`,
    [message],
  );
  return rows;
}
