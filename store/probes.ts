/** Probe rows. */
import type { Queryable } from './connect.ts';

export interface ProbeRow {
  readonly id: number;
  readonly address: string;
  readonly provider: string;
  readonly seed: string;
  readonly messageId: string;
  readonly sentAt: number;
  /** When the remote accepted it; null while it waits or after it was refused. */
  readonly acceptedAt: number | null;
  readonly finished: boolean;
}

export async function insertProbe(
  db: Queryable,
  probe: { address: string; provider: string; window: number; seed: string; messageId: string; recipient: number },
): Promise<void> {
  await db.query(
    `insert into probes (address, provider, window_index, seed, message_id, recipient) values ($1, $2, $3, $4, $5, $6)`,
    [probe.address, probe.provider, probe.window, probe.seed, probe.messageId, probe.recipient],
  );
}

/** Probes of an address whose placement is not known yet, with what became of their mail. */
export async function openProbes(db: Queryable, address: string): Promise<ProbeRow[]> {
  const { rows } = await db.query(
    `select p.id, host(p.address) as address, p.provider, p.seed, p.message_id as "messageId",
       extract(epoch from p.sent_at)::float8 * 1000 as "sentAt",
       (select extract(epoch from max(at))::float8 * 1000 from attempts a
        where a.recipient = p.recipient and a.severity = 'delivered') as "acceptedAt",
       exists (select 1 from attempts a where a.recipient = p.recipient and a.final) as finished
     from probes p where p.address = $1 and p.placement is null order by p.id`,
    [address],
  );
  return rows;
}

/** Addresses with probes that a provider has accepted, and nobody has found. */
export async function addressesWithOpenProbes(db: Queryable): Promise<string[]> {
  const { rows } = await db.query(
    `select distinct host(p.address) as address from probes p
     where p.placement is null and exists (
       select from attempts a where a.recipient = p.recipient and a.final) order by 1`,
  );
  return rows.map((row) => row.address);
}

export async function setPlacement(
  db: Queryable,
  id: number,
  placement: 'inbox' | 'tab' | 'spam' | 'missing' | 'unobserved',
  detail: string | null,
): Promise<void> {
  await db.query(
    `update probes set placement = $2, observed_at = now(), detail = $3 where id = $1 and placement is null`,
    [id, placement, detail],
  );
}

/** Probes sent on a lane in a window: the budget of a window is spent once, also when an activity is retried. */
export async function probesInWindow(
  db: Queryable,
  address: string,
  provider: string,
  window: number,
): Promise<number> {
  const { rows } = await db.query(
    `select count(*)::int as n from probes where address = $1 and provider = $2 and window_index = $3`,
    [address, provider, window],
  );
  return rows[0].n;
}

/** Seeds that an address has probed at a provider in a window: one pair of each is enough, whoever asked for it. */
export async function seedsProbed(db: Queryable, address: string, provider: string, window: number): Promise<string[]> {
  const { rows } = await db.query(
    'select distinct seed from probes where address = $1 and provider = $2 and window_index = $3',
    [address, provider, window],
  );
  return rows.map((row) => row.seed);
}

/** Every probe's Message-ID, for checkers that count injected mail. */
export async function probeMessageIds(db: Queryable): Promise<string[]> {
  return (await db.query('select message_id from probes')).rows.map((row) => row.message_id);
}

/** Latest placement counts per lane since a window, for the screens. */
export async function placementSummary(
  db: Queryable,
  address: string,
): Promise<{ provider: string; inbox: number; spam: number; unobserved: number }[]> {
  const { rows } = await db.query(
    `select provider, count(*) filter (where placement in ('inbox', 'tab'))::int as inbox,
       count(*) filter (where placement in ('spam', 'missing'))::int as spam,
       count(*) filter (where placement = 'unobserved')::int as unobserved
     from (select *, row_number() over (partition by provider order by id desc) as n from probes
           where address = $1 and placement is not null) p
     where n <= 5 group by provider`,
    [address],
  );
  return rows;
}
