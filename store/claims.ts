/**
 * Claims: a process takes queued mail into its hands, at most one message per connection, and hands back what it can not
 * send. Ready mail is a set of flows, each a stream and a tenant of a pool at a provider, in the order it became due.
 *
 * A claimed or finished row leaves the indexes only when nobody's snapshot can see it, which a long report prevents for
 * as long as it runs. Whoever begins at a flow's start again would step over all of them each time; so a claim begins
 * where the last one of this process ended, at its cursor.
 */
import type { Queryable } from './connect.ts';
import type { Claimed } from './queue.ts';

/** Names that are held, by what of a message they match. */
export interface HeldMail {
  readonly campaigns: readonly string[];
  readonly tenants: readonly string[];
  readonly domains: readonly string[];
  readonly streams: readonly string[];
  /** Fronts whose mail in this pool is held, an arm of their cutover; absent: none. */
  readonly fronts?: readonly string[];
  /** Mail of another pool may belong to a lane, because its own pool overflows there. */
  readonly pools: readonly string[];
}

/** After which row of its flow a claim begins: `due` is a timestamp as PostgreSQL writes it. */
export interface Cursor {
  readonly due: string;
  readonly id: number;
}

export const START: Cursor = { due: '-infinity', id: 0 };

export interface FlowQuery {
  readonly stream: string;
  readonly tenant: string;
  readonly most: number;
  readonly after: Cursor;
}

/** A lane that can send now: the most it may take of the mail that belongs to it. */
export interface LaneQuery {
  readonly address: string;
  readonly kept: number;
  readonly cold: boolean;
  /** Segments of marketing mail the lane may carry; null: any mail. */
  readonly segments: readonly string[] | null;
  readonly after: { readonly transactional: Cursor; readonly marketing: Cursor };
}

export interface ClaimQuery {
  readonly process: string;
  readonly pool: string;
  readonly provider: string;
  readonly lanes: readonly LaneQuery[];
  /** New mail for cold lanes, in the order tenants have their turn; `segments` are those that any of them admits. */
  readonly cold: {
    readonly most: number;
    readonly flows: readonly FlowQuery[];
    readonly segments: readonly string[];
    readonly held: HeldMail;
  };
  /** New mail for warm lanes. Marketing of the segments in `leave` is not for them: it waits for a cold lane. */
  readonly warm: {
    readonly most: number;
    readonly flows: readonly FlowQuery[];
    readonly held: HeldMail;
    readonly leave: readonly string[];
  };
}

/** A claimed message, and for whom it was chosen. */
export interface Taken extends Claimed {
  readonly chosen: 'kept' | 'cold' | 'warm';
  readonly position: Cursor;
}

const notHeld = (first: number, fronts: number) =>
  `q.campaign <> all($${first}::text[]) and q.tenant <> all($${first + 1}::text[])
   and q.domain <> all($${first + 2}::text[]) and q.stream <> all($${first + 3}::text[])
   and coalesce(q.front, q.pool) <> all($${fronts}::text[])`;

const readyOf = (flow: string) =>
  `q.pool = $6 and q.provider = $5 and q.stream = ${flow}.stream and q.tenant = ${flow}.tenant and q.claim is null
   and q.address is null and q.due <= now() and (q.due, q.id) > (${flow}.after_due, ${flow}.after_id)`;

/**
 * Claims messages for free sending slots: due retries that belong to one of the addresses first, then new mail that a
 * cold lane may carry, then any other for warm lanes, flow by flow in the order given. Each is chosen by what may take
 * it: mail that nobody can send now must not stand before mail that somebody can.
 */
export async function claim(db: Queryable, query: ClaimQuery): Promise<Taken[]> {
  const { lanes, cold, warm } = query;
  const { rows } = await db.query({
    name: 'claim',
    text: `with lane as (
       select * from unnest($2::inet[], $3::int[], $4::bool[], $18::text[], $19::text[], $20::timestamptz[], $21::bigint[])
         with ordinality as t(address, most, cold, segments, stream, after_due, after_id, o)
     ), kept as (
       select mine.id, lane.cold from lane, lateral (
         select q.id from queue q where q.address = lane.address and q.provider = $5 and q.stream = lane.stream
           and q.claim is null and q.due <= now() and (q.due, q.id) > (lane.after_due, lane.after_id)
           and (lane.segments is null or q.pinned
             or (q.stream = 'marketing' and q.one_click and q.segment = any(string_to_array(lane.segments, ' '))))
           and q.pool <> all($35::text[]) and (not lane.cold or q.pool <> all($36::text[]))
           and ${notHeld(10, 33)} and (not lane.cold or (${notHeld(14, 34)}))
         order by q.due, q.id limit lane.most for update skip locked) mine
     ), cold_flow as (
       select * from unnest($22::text[], $23::text[], $24::int[], $25::timestamptz[], $26::bigint[])
         with ordinality as t(stream, tenant, most, after_due, after_id, o)
     ), cold as (
       select mine.id from cold_flow f, lateral (
         select q.id from queue q where ${readyOf('f')} and not q.freed and q.one_click and q.segment = any($9::text[])
           and ${notHeld(10, 33)} and ${notHeld(14, 34)}
         order by q.due, q.id limit f.most for update skip locked) mine
       limit greatest(0, $7 - (select count(*) from kept where cold))
     ), warm_flow as (
       select * from unnest($27::text[], $28::text[], $29::int[], $30::timestamptz[], $31::bigint[])
         with ordinality as t(stream, tenant, most, after_due, after_id, o)
     ), warm as (
       select mine.id from warm_flow f, lateral (
         select q.id from queue q where ${readyOf('f')} and q.id not in (select id from cold) and ${notHeld(10, 33)}
           and (q.freed or q.stream <> 'marketing' or not q.one_click or q.segment <> all($32::text[]))
         order by q.due, q.id limit f.most for update skip locked) mine
       limit greatest(0, $8 - (select count(*) from kept where not cold))
     ), picked as (
       select id, 'kept' as chosen from kept union all select id, 'cold' from cold union all select id, 'warm' from warm
     ), taken as (
       update queue q set claim = $1, claimed_at = now() from picked
       where q.id = picked.id returning q.*, picked.chosen
     )
     select t.id, t.message, t.body_id as "bodyId", t.rcpt, t.domain, t.provider, host(t.address) as address, t.tenant,
       t.stream, t.segment, t.one_click as "oneClick", t.campaign,
       t.attempts, t.doubts, extract(epoch from t.first_attempt)::float8 * 1000 as "firstAttempt", t.pinned, t.freed,
       t.pool, t.front, t.outside, t.mailbox_provider as "mailboxProvider", m.mail_from as "mailFrom", m.message_id as "messageId", b.raw, t.chosen,
       json_build_object('due', t.due, 'id', t.id) as position
     from taken t join messages m on m.id = t.message join bodies b on b.id = t.body_id
     order by t.address nulls last, t.due, t.id`,
    values: [
      query.process,
      ...keptColumns(lanes).slice(0, 3),
      query.provider,
      query.pool,
      cold.most,
      warm.most,
      cold.segments,
      ...names(warm.held),
      ...names(cold.held),
      ...keptColumns(lanes).slice(3),
      ...flowColumns(cold.flows),
      ...flowColumns(warm.flows),
      warm.leave,
      warm.held.fronts ?? [],
      cold.held.fronts ?? [],
      warm.held.pools,
      cold.held.pools,
    ],
  });
  return rows;
}

const STREAMS = ['transactional', 'marketing'] as const;

/** Each lane twice, transactional mail first. */
function keptColumns(lanes: readonly LaneQuery[]): unknown[][] {
  const both = STREAMS.flatMap((stream) => lanes.map((lane) => ({ ...lane, stream, from: lane.after[stream] })));
  return [
    both.map((lane) => lane.address),
    both.map((lane) => lane.kept),
    both.map((lane) => lane.cold),
    both.map((lane) => lane.segments?.join(' ') ?? null),
    both.map((lane) => lane.stream),
    both.map((lane) => lane.from.due),
    both.map((lane) => lane.from.id),
  ];
}

function flowColumns(flows: readonly FlowQuery[]): unknown[][] {
  return [
    flows.map((flow) => flow.stream),
    flows.map((flow) => flow.tenant),
    flows.map((flow) => flow.most),
    flows.map((flow) => flow.after.due),
    flows.map((flow) => flow.after.id),
  ];
}

function names(held: HeldMail): readonly (readonly string[])[] {
  return [held.campaigns, held.tenants, held.domains, held.streams];
}

export interface Flow {
  readonly stream: string;
  readonly tenant: string;
}

/** Every flow with new mail in nobody's hands, due or not: one step of the index each, at most `limit`. */
export async function flowsOf(db: Queryable, pool: string, provider: string, limit: number): Promise<Flow[]> {
  const waiting = `from queue q where q.pool = $1 and q.provider = $2 and q.claim is null and q.address is null`;
  const { rows } = await db.query({
    name: 'flows',
    text: `with recursive flows as (
       (select q.stream, q.tenant ${waiting} order by q.stream, q.tenant limit 1)
       union all
       select next.stream, next.tenant from flows f, lateral (
         select q.stream, q.tenant ${waiting} and (q.stream, q.tenant) > (f.stream, f.tenant)
         order by q.stream, q.tenant limit 1) next
     ) select stream, tenant from flows limit $3`,
    values: [pool, provider, limit],
  });
  return rows;
}

/**
 * Hands claimed messages back unsent: nothing was attempted. `why` is what binds them, for people; `due` (ms) is when
 * they are looked at again; null leaves either as it was.
 */
export async function unclaim(
  db: Queryable,
  ids: readonly number[],
  process: string,
  why: string | null,
  due: number | null,
): Promise<void> {
  await db.query(
    `update queue set claim = null, claimed_at = null, due = coalesce($3, due), reason = coalesce(left($4, 300), reason)
     where id = any($1::bigint[]) and claim is not distinct from $2`,
    [ids, process, due === null ? null : new Date(due), why],
  );
}

/** Lets go of rows a process has claimed for at least `settledMs` without knowing of it. Returns how many. */
export async function releaseUnknown(
  db: Queryable,
  process: string,
  known: readonly number[],
  settledMs: number,
): Promise<number> {
  const { rowCount } = await db.query(
    `update queue set claim = null, claimed_at = null
     where claim = $1 and id <> all($2::bigint[]) and claimed_at <= now() - make_interval(secs => $3::float8 / 1000)`,
    [process, known, settledMs],
  );
  return rowCount ?? 0;
}

/**
 * Mail that waits for a lane which stopped goes free: warm addresses may take it. Probes stay with their lane, and so does
 * whose last refusal is one of `staying`: it would follow the mail (policy/overflow.ts).
 */
export async function freeFromLane(
  db: Queryable,
  address: string,
  provider: string,
  staying: readonly { readonly class: string; readonly scope: string }[],
): Promise<number> {
  const { rowCount } = await db.query(
    `update queue q set address = null, freed = true
     where q.address = $1 and q.provider = $2 and q.claim is null and not q.pinned and not exists (
       select from attempts a join unnest($3::text[], $4::text[]) as stays(class, scope)
         on a.class = stays.class and a.scope = stays.scope
       where a.recipient = q.id and a.number = q.attempts)`,
    [address, provider, staying.map(({ class: of }) => of), staying.map(({ scope }) => scope)],
  );
  return rowCount ?? 0;
}

/** The same, for what a lane that became cold, or stepped back, may not carry any more. */
export async function freeUnfit(
  db: Queryable,
  address: string,
  provider: string,
  segments: readonly string[],
): Promise<number> {
  const { rowCount } = await db.query(
    `update queue set address = null, freed = true
     where address = $1 and provider = $2 and claim is null and not pinned
       and (stream <> 'marketing' or not one_click or segment <> all($3::text[]))`,
    [address, provider, segments],
  );
  return rowCount ?? 0;
}
