-- What taking mail in needs to remember: who may, how much they did, what they asked for, and what they were answered.

create table users (
  name           text primary key,
  password_hash  text not null,                    -- store/password.ts
  pools          text[] not null check (cardinality(pools) > 0), -- the first is the default
  domains        text[] not null default '{}',     -- sender domains; empty: every one
  rate           integer check (rate > 0),         -- recipients an hour; null: no limit
  created_at     timestamptz not null default now(),
  changed_at     timestamptz not null default now()
);

-- One row a user with a rate, shared by all processes: they take blocks from it.
create table user_rates (
  name    text primary key,
  starts  timestamptz not null,                    -- of the hour that runs
  used    integer not null
);

-- What the client asked for at injection (RFC 3461); written with the message, only when it asked.
create table if not exists dsn_requests (
  recipient  bigint primary key,
  notify     text,
  orcpt      text,
  ret        text,
  envid      text
);

-- A request's answer, committed with its mail: asked again with the same key, it is answered and not done again.
create table idempotency_keys (
  user_name    text not null,
  key          text not null,
  hash         bytea not null,                     -- SHA-256 of the request's body
  token        uuid not null,                      -- of the attempt that may commit
  reserved_at  timestamptz not null default now(),
  answer       jsonb,                              -- null: nothing was committed yet
  primary key (user_name, key)
);
create index idempotency_keys_by_time on idempotency_keys (reserved_at);

-- Marketing that can not be unsubscribed from with one click (RFC 8058) stays off cold lanes.
alter table queue add column if not exists one_click boolean not null default true;
