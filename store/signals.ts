/** What block lists and providers' consoles say of addresses. Readers add rows; the newest of a source counts. */
import type { Signal } from '../policy/gates/signals.ts';
import type { Queryable } from './connect.ts';
import { openIncident } from './holds.ts';

export interface SignalWrite {
  readonly kind: Signal['kind'];
  readonly source: string;
  readonly address: string;
  readonly provider?: string;
  readonly value: string;
  readonly volume?: number;
  readonly detail?: unknown;
  /** When it was read, ms; absent: now. */
  readonly at?: number;
}

/** Adds what a source says and wakes the address, so that it is judged at once. Call it in a transaction. */
export async function recordSignal(db: Queryable, signal: SignalWrite): Promise<number> {
  const { kind, source, address, provider, value } = signal;
  const { rows } = await db.query(
    `insert into signals (kind, source, address, provider, value, volume, detail, at)
     values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, now())) returning id`,
    [
      kind,
      source,
      address,
      provider ?? null,
      value,
      signal.volume ?? null,
      JSON.stringify(signal.detail ?? {}),
      signal.at === undefined ? null : new Date(signal.at),
    ],
  );
  const id: number = rows[0].id;
  const cause = `signal:${kind}:${source}:${id}`;
  await openIncident(db, { scope: 'address', target: address, cause, address, detail: { value } });
  return id;
}

export type SignalRow = Omit<Signal, 'ageHours'> & {
  /** When it was read, ms. */
  readonly at: number;
};

/** The newest row of every source about an address, with that source's row of at least 20 hours (ms: `dayMs`) before. */
export async function signalsOf(db: Queryable, address: string, dayMs: number): Promise<SignalRow[]> {
  const { rows } = await db.query(
    `select distinct on (s.kind, s.source, s.provider) s.id, s.kind, s.source, host(s.address) as address, s.provider, s.value,
       s.detail->>'listed' as listed, s.volume, extract(epoch from s.at)::float8 * 1000 as at,
       (select jsonb_build_object('value', b.value, 'volume', b.volume) from signals b
        where b.address = s.address and b.kind = s.kind and b.source = s.source
          and b.provider is not distinct from s.provider and b.id < s.id
          and b.at <= s.at - make_interval(secs => $2::float8 / 1000)
        order by b.id desc limit 1) as before
     from signals s where s.address = $1 order by s.kind, s.source, s.provider, s.id desc`,
    [address, (dayMs * 20) / 24],
  );
  return rows.map(({ listed, ...row }) => ({ ...row, ...(listed === null ? {} : { listed }) }));
}

/** An evaluation has looked at them: nothing has to wake the address for them any more. */
export async function closeSignals(db: Queryable, address: string): Promise<void> {
  await db.query(
    `update incidents set closed_at = now() where address = $1 and closed_at is null and starts_with(cause, 'signal:')`,
    [address],
  );
}
