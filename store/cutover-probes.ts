/** The same mail through both arms to the same seed: what was sent, and what was found. */
import type { Arm } from '../policy/cutover/split.ts';
import type { Queryable } from './connect.ts';

export interface CutoverProbe {
  readonly messageId: string;
  readonly rung: number;
  readonly arm: Arm;
  readonly seed: string;
  readonly provider: string;
  readonly pair: string;
  readonly sentAt: number;
  /** Accepted by the provider, or handed to the upstream; null: not yet. */
  readonly acceptedAt: number | null;
  /** It came to an end without being accepted. */
  readonly refused: boolean;
  readonly placement: string | null;
  readonly raw: Buffer | null;
}

const PROBES = `select p.message_id as "messageId", p.rung, p.arm, p.seed, p.provider, p.pair, p.placement, p.raw,
  extract(epoch from p.sent_at)::float8 * 1000 as "sentAt",
  (select extract(epoch from max(a.at))::float8 * 1000 from attempts a
   where a.recipient = p.recipient and a.severity in ('delivered', 'relayed')) as "acceptedAt",
  exists (select from attempts a where a.recipient = p.recipient and a.final and a.severity not in ('delivered', 'relayed')) as refused
  from cutover_probes p`;

export async function insertCutoverProbe(
  db: Queryable,
  probe: {
    readonly messageId: string;
    readonly cutover: string;
    readonly rung: number;
    readonly arm: Arm;
    readonly seed: string;
    readonly provider: string;
    readonly pair: string;
    readonly recipient: number;
    readonly at: number;
  },
): Promise<void> {
  await db.query(
    `insert into cutover_probes (message_id, cutover, rung, arm, seed, provider, pair, recipient, sent_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      ...[
        probe.messageId,
        probe.cutover,
        probe.rung,
        probe.arm,
        probe.seed,
        probe.provider,
        probe.pair,
        probe.recipient,
      ],
      new Date(probe.at),
    ],
  );
}

/** Probes of a cutover since an instant (ms). */
export async function cutoverProbes(db: Queryable, cutover: string, since: number): Promise<CutoverProbe[]> {
  return (
    await db.query(`${PROBES} where p.cutover = $1 and p.sent_at >= $2 order by p.sent_at`, [cutover, new Date(since)])
  ).rows;
}

export async function placeCutoverProbe(
  db: Queryable,
  messageId: string,
  found: { readonly placement: string; readonly detail: string | null; readonly raw: Buffer | null },
): Promise<void> {
  await db.query(
    'update cutover_probes set placement = $2, detail = $3, raw = $4 where message_id = $1 and placement is null',
    [messageId, found.placement, found.detail, found.raw],
  );
}
