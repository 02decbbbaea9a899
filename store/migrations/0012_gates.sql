-- What the gates know between two looks, what was counted already, what others say, and what decisions were made from.

-- Campaigns by number: a change detector's state names many of them and must stay small.
create table campaign_numbers (
  id    integer generated always as identity primary key,
  name  text not null unique
);

-- One change detector a row (policy/gates/packed.ts); provider '' is the sum over an address's lanes.
create table gate_states (
  address   inet not null,
  provider  text not null,
  metric    text not null,
  since     timestamptz not null,                  -- the lane's evidence_since it belongs to; an older one is forgotten
  at        timestamptz not null,                  -- until when time has passed for it
  state     jsonb not null,
  primary key (address, provider, metric)
);

-- What of each cohort a detector has counted: the difference to what is true now is news, so nothing counts twice.
create table gate_counted (
  address   inet not null,
  provider  text not null,
  metric    text not null,
  campaign  integer not null,                      -- campaign_numbers.id; 0: none
  day       integer not null,                      -- window it was sent in
  part      smallint not null,                     -- six hours of it, where it is no campaign's
  since     timestamptz not null,                  -- as in gate_states
  trials    integer not null,
  events    integer not null,
  primary key (address, provider, metric, day, part, campaign)
);

-- What block lists and providers' consoles say (policy/gates/signals.ts). Readers only add rows; the newest counts.
create table signals (
  id        bigint generated always as identity primary key,
  kind      text not null check (kind in ('dnsbl', 'snds', 'postmaster')),
  source    text not null,
  address   inet not null,
  provider  text,                                  -- null: about all lanes of the address
  value     text not null,                         -- 'clear' takes it back
  volume    integer,
  detail    jsonb not null default '{}',
  at        timestamptz not null default now()
);
create index signals_of_address on signals (address, kind, source, id desc);

-- The whole input of a decision: the same rules make the same decision of it again.
alter table decisions add column input jsonb;
