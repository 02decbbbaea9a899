-- What DNS lists said of each address when they were asked last: the freshness of that evidence, and since when it is listed.
create table listing_checks (
  address      inet not null references addresses (address),
  zone         text not null,
  asked_at     timestamptz not null,               -- last try, answered or not
  answered_at  timestamptz,                        -- last answer of a list that works; null: none yet
  listed_since timestamptz,                        -- first answer in a row that listed it; null: not listed
  codes        text[] not null default '{}',
  problem      text,                               -- why the last try was no answer
  primary key (address, zone)
);

-- A range resumed by another command or process starts its addresses as the first would have.
alter table ranges add column from_zero boolean not null default false;

-- Campaigns come and go for years: a name nobody has used for long is forgotten.
alter table campaign_numbers add column seen_at timestamptz not null default now();
create index campaign_numbers_by_time on campaign_numbers (seen_at);
create index signals_by_time on signals (at);
