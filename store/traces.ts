/** SMTP conversations that somebody asked to read: asked for here, written here by the MTA, gone soon after. */
import type { Queryable } from './connect.ts';
import { CHANGES } from './holds.ts';

export interface TraceFilter {
  readonly provider?: string | undefined;
  readonly address?: string | undefined;
  /** Part of an MX host's name. */
  readonly host?: string | undefined;
}

export interface Trace extends TraceFilter {
  readonly id: number;
  /** Conversations each process writes down at most. */
  readonly sessions: number;
}

export interface TraceLine {
  readonly session: string;
  readonly at: number;
  readonly who: 'client' | 'server' | 'note';
  readonly line: string;
}

/** Traces that run now, as a query that others embed. */
export const LIVE_TRACES = `select id, provider, host(address) as address, host, sessions from traces where until > now()`;

/** Asks for conversations until an instant (ms); those of yesterday go. Returns its id. */
export async function startTrace(
  db: Queryable,
  filter: TraceFilter,
  of: { readonly sessions: number; readonly until: number; readonly actor: string },
): Promise<number> {
  await db.query(`delete from traces where until < now() - interval '1 day'`);
  const { rows } = await db.query(
    `insert into traces (provider, address, host, sessions, until, actor) values ($1, $2, $3, $4, $5, $6) returning id`,
    [filter.provider ?? null, filter.address ?? null, filter.host ?? null, of.sessions, new Date(of.until), of.actor],
  );
  await db.query('select pg_notify($1, $2)', [CHANGES, `trace ${rows[0].id}`]);
  return rows[0].id;
}

export async function endTrace(db: Queryable, id: number): Promise<void> {
  await db.query('delete from traces where id = $1', [id]);
  await db.query('select pg_notify($1, $2)', [CHANGES, `trace ${id}`]);
}

/** Writes lines of traces that still run. */
export async function addTraceLines(
  db: Queryable,
  lines: readonly (TraceLine & { readonly trace: number })[],
): Promise<void> {
  await db.query(
    `insert into trace_lines (trace, session, at, who, line)
     select l.trace, l.session, l.at, l.who, l.line
     from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::text[], $5::text[])
       with ordinality as l(trace, session, at, who, line, n) join traces t on t.id = l.trace order by l.n`,
    [
      lines.map((one) => one.trace),
      lines.map((one) => one.session),
      lines.map((one) => new Date(one.at)),
      lines.map((one) => one.who),
      lines.map((one) => one.line),
    ],
  );
}

/** Lines of a trace after the one with this id. */
export async function traceLines(
  db: Queryable,
  trace: number,
  after: number,
): Promise<readonly (TraceLine & { readonly id: number })[]> {
  const { rows } = await db.query(
    `select id, session, extract(epoch from at)::float8 * 1000 as at, who, line from trace_lines
     where trace = $1 and id > $2 order by id limit 5000`,
    [trace, after],
  );
  return rows;
}
