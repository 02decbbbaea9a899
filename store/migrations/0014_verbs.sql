-- A quarantined lane comes back by probing: a few messages, one a minute, before anything is decided about it.
alter table lanes drop constraint lanes_phase_check;
alter table lanes add constraint lanes_phase_check check (phase in
  ('planned', 'ramping', 'holding', 'stepped-back', 'quarantined', 'probing', 'graduating', 'warm', 'cooling'));

-- What an operator may decide besides: every verb leaves its row. Named together with those of earlier migrations.
alter table decisions drop constraint decisions_kind_check;
alter table decisions add constraint decisions_kind_check check (kind in
  ('start', 'advance', 'hold', 'step-back', 'pause', 'quarantine', 'resume', 'complete', 'rollback', 'set-plan',
   'promote', 'abort'));

-- A grant that is not spread over its day: its units come due one by one, so many ms apart, whoever asks.
alter table grants add column gap_ms integer check (gap_ms > 0);
alter table grants add column handed_at timestamptz;

-- What an operator ordered for later evaluations of a lane. Unlike a hold it stops no mail.
-- freeze: the ceiling does not rise until then. promote: one step's gates are overridden, once, until then.
create table lane_orders (
  id         bigint generated always as identity primary key,
  address    inet not null,
  provider   text not null,
  kind       text not null check (kind in ('freeze', 'promote')),
  actor      text not null,
  reason     text not null,
  since      timestamptz not null,
  until      timestamptz,
  ended_at   timestamptz,                          -- used, lifted, replaced or void
  ended_by   text,
  end_reason text,
  foreign key (address, provider) references lanes (address, provider)
);
create unique index lane_orders_one_a_kind on lane_orders (address, provider, kind) where ended_at is null;
