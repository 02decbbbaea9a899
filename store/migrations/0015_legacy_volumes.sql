-- What another engine delivered, by the log it was read from: reading a log again replaces what it said, so no delivery
-- counts twice.
create table legacy_sources (
  id          bytea primary key,                     -- SHA-256 of its header and first record
  name        text not null,
  format      text not null check (format in ('powermta', 'kumomta')),
  records     bigint not null,
  first_at    timestamptz,
  last_at     timestamptz,
  imported_at timestamptz not null default now(),
  actor       text not null
);

create table legacy_volumes (
  source   bytea not null references legacy_sources (id) on delete cascade,
  address  inet not null,
  provider text not null,
  day      date not null,
  messages integer not null check (messages > 0),
  primary key (source, address, provider, day)
);
create index legacy_volumes_of on legacy_volumes (address, day);
