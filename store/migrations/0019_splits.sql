-- Cutovers as the MTA meets them: which arm carries a front's mail, and what of it can be compared.

-- The division of one front's mail between two pools (policy/cutover/split.ts). Absolute and fenced by its revision.
create table splits (
  front       text primary key references pools (name),
  old_arm     text not null references pools (name),
  new_arm     text not null references pools (name) check (new_arm <> old_arm),
  scope       jsonb not null,
  key         text not null,                       -- of the hash of recipients
  revision    bigint not null check (revision > 0),
  thresholds  jsonb not null                       -- what the new arm may carry now, in buckets by stream and provider
              check (thresholds->'marketing'->'*' is not null and thresholds->'transactional'->'*' is not null),
  step        jsonb,                               -- what the step says; null: the same
  floor       jsonb not null,                      -- top slice of the old arm, in buckets by provider
  moves       jsonb not null default '{}',         -- what becomes of waiting mail when the line moves
  started_at  timestamptz not null default now(),
  changed_at  timestamptz not null default now(),
  ended_at    timestamptz,
  settled     text check (settled in ('old', 'new')), -- who has the front's mail after its end
  check ((ended_at is null) = (settled is null))
);

-- When the shares were what: the arms are compared within periods of constant share.
create table split_changes (
  front       text not null,
  revision    bigint not null,
  at          timestamptz not null default now(),
  old_arm     text not null,
  new_arm     text not null,
  thresholds  jsonb not null,
  step        jsonb,
  floor       jsonb not null,
  settled     text,
  primary key (front, revision)
);

-- `pool` says who carries a recipient's mail; these, for whom and why.
alter table queue
  add column front text,                           -- the pool the application named, when an arm was chosen; null: none was
  add column bucket integer,
  add column outside text,                         -- why it says nothing about the arms (policy/cutover/split.ts); null: it does
  add column mailbox_provider text;                -- by its MX, also where an upstream takes it
create index queue_of_front on queue (front, pool, id) where front is not null;

alter table attempts
  add column front text,
  add column arm text check (arm in ('old', 'new')),
  add column bucket integer,
  add column outside text,
  add column mailbox_provider text;
create index attempts_of_front on attempts (front, first_at) where front is not null;

-- What each MTA process runs: {front: revision}.
alter table processes add column splits jsonb not null default '{}';

-- How fast mail goes back to an old arm: one row a provider since the front's last change.
create table split_releases (
  front     text not null,
  provider  text not null,
  revision  bigint not null,
  at_once   integer not null,                      -- may go now
  gap_ms    double precision not null,             -- between those that follow
  next_at   timestamptz not null,                  -- the first instant that is free
  released  bigint not null default 0,
  primary key (front, provider)
);
