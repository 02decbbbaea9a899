/** Webhook gates of cutovers: who was asked what, and the answer. */
import type { WebhookGate } from '../policy/cutover/plan.ts';
import type { Queryable } from './connect.ts';

export interface GateAnswer {
  readonly askedAt: number;
  /** null: no answer yet. `silent`: it did not answer in its time. */
  readonly answer: 'yes' | 'no' | 'silent' | null;
  readonly says: string | null;
}

/** The last question of a gate about a rung since an instant (ms), or undefined. */
export async function lastGate(
  db: Queryable,
  cutover: string,
  gate: WebhookGate,
  rung: number,
  since: number,
): Promise<GateAnswer | undefined> {
  const { rows } = await db.query(
    `select extract(epoch from asked_at)::float8 * 1000 as "askedAt", answer, says from cutover_gates
     where cutover = $1 and gate = $2 and rung = $3 and asked_at >= $4 order by asked_at desc limit 1`,
    [cutover, gate, rung, new Date(since)],
  );
  return rows[0];
}

export async function keepGate(
  db: Queryable,
  asked: { readonly cutover: string; readonly gate: WebhookGate; readonly rung: number; readonly at: number },
  answer: { readonly answer: 'yes' | 'no' | 'silent'; readonly says: string; readonly at: number },
): Promise<void> {
  await db.query(
    `insert into cutover_gates (cutover, gate, rung, asked_at, answered_at, answer, says) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict do nothing`,
    [asked.cutover, asked.gate, asked.rung, new Date(asked.at), new Date(answer.at), answer.answer, answer.says],
  );
}
