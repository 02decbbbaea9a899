-- After a stop is lifted its mail comes back at a part of the pace until then.
alter table holds add column ease_until timestamptz;
create index holds_easing on holds (ease_until) where ease_until is not null;

-- Somebody wants to read SMTP conversations: which ones, until when, and what was said.
create table traces (
  id        bigint generated always as identity primary key,
  provider  text,
  address   inet,
  host      text,                                  -- part of an MX host's name
  sessions  integer not null,                      -- per process
  until     timestamptz not null,
  actor     text not null
);

create table trace_lines (
  id       bigint generated always as identity primary key,
  trace    bigint not null references traces (id) on delete cascade,
  session  text not null,
  at       timestamptz not null,
  who      text not null check (who in ('client', 'server', 'note')),
  line     text not null
);
create index trace_lines_of on trace_lines (trace, id);
