-- What was found before addresses began to warm up; a start names the one it went by.
create table preflights (
  id       bigint generated always as identity primary key,
  address  inet not null references addresses (address),
  node     text not null,                          -- where it was looked: an address is bound on its own node only
  at       timestamptz not null default now(),
  actor    text not null,
  checks   jsonb not null
);
create index preflights_of on preflights (address, id);

alter table ramps add column preflight bigint references preflights (id);

-- Addresses that begin one after the other. Rows first, then the workflow that walks them: it can be lost.
create table ranges (
  id           text primary key,
  written      text not null,                      -- as a person named it
  pool         text not null references pools (name),
  plan         jsonb not null,
  per_day      integer,                            -- null: all at once
  actor        text not null,
  reason       text not null,
  fingerprint  text not null,                      -- of all that a command said: the same one again is the same range
  created_at   timestamptz not null default now(),
  ended_at     timestamptz
);
create index ranges_by_fingerprint on ranges (fingerprint);
create index ranges_open on ranges (id) where ended_at is null;

create table range_addresses (
  range_id   text not null references ranges (id),
  address    inet not null references addresses (address),
  position   integer not null,
  due_at     timestamptz not null,
  state      text not null check (state in ('waiting', 'started', 'failed', 'withdrawn')),
  ramp_id    text references ramps (id),
  preflight  bigint references preflights (id),
  says       text,
  primary key (range_id, address)
);
create unique index range_addresses_wait_once on range_addresses (address) where state = 'waiting';

-- What a pool's cold lanes may send to a provider together in a window. Locked by whoever writes one of their grants.
create table joint_budgets (
  pool          text not null references pools (name),
  provider      text not null,
  window_index  integer not null,
  budget        integer not null default 0,
  best_day      integer not null default 0,
  lanes         integer not null default 0,
  wanted        integer not null default 0,        -- by the lanes that were trimmed
  trimmed       integer not null default 0,        -- units they did not get
  primary key (pool, provider, window_index)
);
