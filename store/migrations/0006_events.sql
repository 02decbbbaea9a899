-- Events for the outside world. Attempts are their own outbox: sinks follow them by id. Changes that are updates, or
-- are about more than one table, are noted in event_log by triggers, in the transaction that makes them.

-- Names this installation in every event: with the event's id it is unique in the world (CloudEvents 1.0, "source").
create table event_source (
  only_one  boolean primary key default true check (only_one),
  id        uuid not null default gen_random_uuid()
);
insert into event_source default values;

create table event_log (
  id      bigint generated always as identity primary key,
  kind    text not null,
  about   text not null check (about in ('mail', 'operations')), -- mail: told only after the attempts it speaks of
  data    jsonb not null,                          -- the row as it was
  at      timestamptz not null default now()
);

-- One row a sink. Where it stands, who sends for it, and how it fares.
create table event_sinks (
  name            text primary key,
  kind            text not null,
  attempts_at     bigint not null,                 -- attempts up to this id were confirmed
  mail_at         bigint not null,                 -- event_log up to this id, its mail events
  operations_at   bigint not null,                 -- event_log up to this id, the others
  owner           text,
  lease_until     timestamptz,
  disabled_at     timestamptz,
  disabled_reason text,
  failing_since   timestamptz,                     -- null: the last try went well
  last_error      text,
  confirmed_at    timestamptz,
  confirmed       bigint not null default 0,
  missed          bigint not null default 0,       -- ids that were dropped by retention before the sink got to them
  registered_at   timestamptz not null default now()
);

create table event_dead_letters (
  id         bigint generated always as identity primary key,
  sink       text not null,
  event      jsonb not null,                       -- whole, as it was sent: what it came from may be gone by then
  reason     text not null,
  at         timestamptz not null default now(),
  replay_at  timestamptz                           -- somebody asked to send it again
);
create index event_dead_letters_of_sink on event_dead_letters (sink, id);
create index event_dead_letters_to_replay on event_dead_letters (sink, id) where replay_at is not null;

-- Up to which id rows were dropped for their age: a sink that had not got there has missed them, and says so.
create table event_retention (
  source      text primary key check (source in ('attempts', 'event_log')),
  dropped_to  bigint not null
);

-- Nothing is noted while nobody listens. A sink nobody has sent for in two weeks does not listen any more.
create function note_event() returns trigger language plpgsql as $$
begin
  if exists (select 1 from event_sinks where lease_until > now() - interval '14 days') then
    insert into event_log (kind, about, data) values (tg_argv[0], tg_argv[1], to_jsonb(new));
  end if;
  return null;
end $$;

create trigger decision_events after insert on decisions
  for each row execute function note_event('lane.decision', 'operations');
create trigger hold_placed_events after insert on holds
  for each row execute function note_event('hold.placed', 'operations');
create trigger hold_cleared_events after update of cleared_at on holds
  for each row when (old.cleared_at is null and new.cleared_at is not null)
  execute function note_event('hold.cleared', 'operations');
create trigger incident_opened_events after insert on incidents
  for each row execute function note_event('incident.opened', 'operations');
create trigger incident_closed_events after update of closed_at on incidents
  for each row when (old.closed_at is null and new.closed_at is not null)
  execute function note_event('incident.closed', 'operations');
create trigger notice_events after insert on notices
  for each row execute function note_event('notice', 'operations');
create trigger complaint_events after insert on complaints
  for each row execute function note_event('message.complained', 'mail');

create trigger late_bounce_events after insert on late_bounces
  for each row execute function note_event('message.late-bounced', 'mail');
-- Who imports a list has it already.
create trigger suppression_events after insert on suppressions
  for each row when (new.source <> 'import')
  execute function note_event('suppression.added', 'mail');

-- Deleted attempts count as dropped; partitions that are dropped whole are told of by whoever drops them.
create function note_dropped() returns trigger language plpgsql as $$
begin
  insert into event_retention (source, dropped_to)
  select tg_table_name, max(id) from gone having max(id) is not null
  on conflict (source) do update set dropped_to = greatest(event_retention.dropped_to, excluded.dropped_to);
  return null;
end $$;
create trigger attempts_dropped after delete on attempts
  referencing old table as gone for each statement execute function note_dropped();
create trigger event_log_dropped after delete on event_log
  referencing old table as gone for each statement execute function note_dropped();
