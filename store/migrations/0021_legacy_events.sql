-- What another engine says became of mail: the other half of a comparison of arms. A feed is one source of such events.

create table legacy_feeds (
  id          smallint generated always as identity primary key,
  name        text not null unique,
  format      text not null,
  created_at  timestamptz not null default now(),
  last_at     timestamptz,                         -- of its newest event
  heard_at    timestamptz,                         -- when it last said anything
  events      bigint not null default 0,           -- kept
  repeated    bigint not null default 0,           -- said again, and dropped
  unreadable  bigint not null default 0,
  too_old     bigint not null default 0            -- older than events are kept
);

create table legacy_events (
  id          bigint generated always as identity primary key,
  feed        smallint not null references legacy_feeds (id),
  key         bytea not null,                      -- 4 bytes of its second, 12 of a hash of what makes it unique
  kind        text not null check (kind in
                ('accepted', 'delivered', 'deferred', 'hard', 'soft', 'blocked', 'expired', 'complaint')),
  at          timestamptz not null,
  noted_at    timestamptz not null default now(),
  message_id  text,
  rcpt        text not null,                       -- in lower case
  provider    text,                                -- null: the record does not show it
  campaign    text,
  address     inet,                                -- it was sent from
  host        text,
  reply       text,
  class       text,
  scope       text,
  rule        text,
  recipient   bigint                               -- of ours that it is about; null: none found (yet)
);
-- Keys begin with the time, so that the newest ones stand together: a random key would touch the whole index.
create unique index legacy_events_once on legacy_events (feed, key);
create index legacy_events_of on legacy_events (recipient) where recipient is not null;
-- An event may overtake the commit of our hand-off: what found nothing is looked at again for a while.
create index legacy_events_unjoined on legacy_events (noted_at) where recipient is null and message_id is not null;

-- How far each file of a feed was read; written in the transaction that keeps its events.
create table legacy_positions (
  feed      smallint not null references legacy_feeds (id),
  file      text not null,                         -- device:inode, and a hash of its first bytes
  name      text not null,
  position  bigint not null,
  at        timestamptz not null default now(),
  primary key (feed, file)
);

-- Messages whose engine is not done with them: later lines of its log name them by the engine's own id alone.
create table legacy_open (
  feed        smallint not null references legacy_feeds (id),
  engine_id   text not null,
  message_id  text not null,
  since       timestamptz not null,
  primary key (feed, engine_id)
);

-- Lists of other systems also come as MD5 or SHA-1 of addresses: they are kept as they are, and matched so.
alter table suppressions drop constraint suppressions_key_check;
alter table suppressions add constraint suppressions_key_check check (length(key) in (16, 20, 32));
-- Empty in most databases: then nobody looks for the other two hashes.
create index suppressions_other_hashes on suppressions (length(key)) where length(key) < 32;
