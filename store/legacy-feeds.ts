/** Feeds: the sources of what other engines say, how far their files were read, and how each fares. */
import type { Queryable } from './connect.ts';

/**
 * The feed of this name, made when it is new.
 *
 * @throws Error when it has another format: its keys would not meet those of its own past.
 */
export async function openFeed(db: Queryable, name: string, format: string): Promise<number> {
  const { rows } = await db.query(
    `with made as (insert into legacy_feeds (name, format) values ($1, $2) on conflict (name) do nothing returning id, format)
     select id, format from made union all select id, format from legacy_feeds where name = $1`,
    [name, format],
  );
  const [feed] = rows;
  // Another process made it between the two halves of the statement.
  if (feed === undefined) return openFeed(db, name, format);
  if (feed.format !== format)
    throw new Error(`feed "${name}" is of format ${feed.format}, not ${format}: give the new one a name of its own`);
  return feed.id;
}

export interface Position {
  /** Which file: it may be renamed while it is read. */
  readonly file: string;
  readonly name: string;
  /** Bytes that were taken. */
  readonly position: number;
}

/** How far a feed's files were read. */
export async function positionsOf(db: Queryable, feed: number): Promise<Position[]> {
  const { rows } = await db.query('select file, name, position from legacy_positions where feed = $1', [feed]);
  return rows;
}

export interface StoredOpenMessage {
  readonly engineId: string;
  readonly messageId: string;
  /** ms */
  readonly since: number;
}

/** Messages whose engine was not done with them when its log was last read. */
export async function openMessagesOf(db: Queryable, feed: number): Promise<StoredOpenMessage[]> {
  const { rows } = await db.query(
    `select engine_id as "engineId", message_id as "messageId", extract(epoch from since)::float8 * 1000 as since
     from legacy_open where feed = $1 order by since`,
    [feed],
  );
  return rows;
}

export interface FeedRow {
  readonly name: string;
  readonly format: string;
  readonly events: number;
  readonly repeated: number;
  readonly unreadable: number;
  readonly tooOld: number;
  /** ms; of its newest event, and when it last said anything. null: never. */
  readonly lastAt: number | null;
  readonly heardAt: number | null;
  /** Of the last 24 hours: all events but those of acceptance, and those that are about mail of ours. */
  readonly lately: number;
  readonly joined: number;
  /** Without a Message-ID: these can not be joined. */
  readonly anonymous: number;
  readonly files: readonly { readonly name: string; readonly position: number; readonly at: number }[];
}

/** Every feed and how it fares. */
export async function feedRows(db: Queryable): Promise<FeedRow[]> {
  const { rows } = await db.query(
    `select f.name, f.format, f.events, f.repeated, f.unreadable, f.too_old as "tooOld",
       extract(epoch from f.last_at)::float8 * 1000 as "lastAt", extract(epoch from f.heard_at)::float8 * 1000 as "heardAt",
       l.lately, l.joined, l.anonymous,
       coalesce((select json_agg(json_build_object('name', p.name, 'position', p.position,
         'at', extract(epoch from p.at)::float8 * 1000) order by p.at desc) from legacy_positions p where p.feed = f.id), '[]')
         as files
     from legacy_feeds f cross join lateral (
       select count(*)::int as lately, count(e.recipient)::int as joined,
         count(*) filter (where e.message_id is null)::int as anonymous
       from legacy_events e where e.feed = f.id and e.kind <> 'accepted'
         -- The key begins with the second of the event.
         and e.key >= decode(lpad(to_hex(greatest(0, extract(epoch from now() - interval '1 day'))::bigint), 8, '0'), 'hex')
     ) l order by f.name`,
  );
  return rows;
}
