-- What comes back after an answer: who must not be written to any more, which failures their sender must hear of, and
-- bounces that come after 250.

-- The envelope recipient outlives its queue row: a report that comes weeks later names nobody we may believe.
alter table attempts add column rcpt text;

-- Who must not get mail. Matching is by `key` alone, so entries known only by their hash work like the others.
create table suppressions (
  id         bigint generated always as identity primary key,
  key        bytea not null check (length(key) = 32), -- SHA-256 of the normalised recipient (store/recipient-key.ts)
  recipient  text,                                 -- null: imported as a hash
  scope      text not null check (scope in ('global', 'pool', 'tenant')),
  target     text not null,                        -- name of the pool or tenant; global: '*'
  streams    text not null check (streams in ('all', 'marketing')),
  source     text not null check (source in ('hard-bounce', 'complaint', 'manual', 'import', 'unsubscribe')),
  reason     text not null,
  actor      text not null,
  provider   text,                                 -- that said so; entries of its bad hours are found by it
  since      timestamptz not null default now(),
  until      timestamptz                           -- provisional: does not match any more after it
);
create unique index suppressions_key on suppressions (key, scope, target);
create index suppressions_provisional on suppressions (until) where until is not null;

-- Entries that ended, as they were: with the live ones, the whole story of a recipient.
create table suppression_history (
  id         bigint generated always as identity primary key,
  key        bytea not null,
  recipient  text,
  scope      text not null,
  target     text not null,
  streams    text not null,
  source     text not null,
  reason     text not null,
  actor      text not null,
  since      timestamptz not null,
  ended_at   timestamptz not null default now(),
  ended_by   text not null,
  end_reason text not null
);
create index suppression_history_key on suppression_history (key);

-- Work lists, filled in the transaction that writes the attempt. A cursor over attempts.id would pass by rows whose
-- transaction commits after that of a higher id; a row in a work list can not be passed by.
create table dead_found (
  recipient  bigint primary key,
  rcpt       text not null,
  address    inet,
  provider   text not null,
  reply      text not null,
  at         timestamptz not null
);

create table dsn_due (
  recipient  bigint primary key,
  message    bigint not null,
  body_id    bigint not null,                      -- kept until the notification is made
  rcpt       text not null,
  severity   text not null,
  class      text not null,
  reply      text not null,
  at         timestamptz not null,                 -- of the last attempt
  noted_at   timestamptz not null default now()
);
create index dsn_due_message on dsn_due (message);
create index dsn_due_body on dsn_due (body_id);

-- What senders were told already: exactly once a recipient and kind.
create table dsn_sent (
  recipient  bigint not null,
  kind       text not null check (kind in ('failed', 'delayed', 'relayed')),
  message    bigint,                               -- the notification in the spool
  at         timestamptz not null default now(),
  primary key (recipient, kind)
);

-- What the client asked for at injection (RFC 3461); written with the message, only when it asked.
create table if not exists dsn_requests (
  recipient  bigint primary key,
  notify     text,
  orcpt      text,
  ret        text,
  envid      text
);

create function note_failure() returns trigger language plpgsql as $$
begin
  -- No remote said that a recipient of a domain without MX is dead: its DNS may be mended tomorrow.
  if new.severity = 'hard' and new.class = 'recipient' and new.rule <> 'no-mx' then
    insert into dead_found (recipient, rcpt, address, provider, reply, at)
    values (new.recipient, new.rcpt, new.address, new.provider, new.reply, new.at) on conflict do nothing;
  end if;
  insert into dsn_due (recipient, message, body_id, rcpt, severity, class, reply, at)
  select new.recipient, m.id, m.body_id, new.rcpt, new.severity, new.class, new.reply, new.at
  from messages m where m.id = new.message and m.mail_from <> '' on conflict do nothing;
  return null;
end $$;

-- WHEN is asked for every row without calling anything: a delivery costs one comparison.
create trigger attempts_failed after insert on attempts for each row
  when (new.severity in ('hard', 'soft', 'blocked', 'expired') and new.final and new.rcpt is not null
    and not new.probe and new.campaign <> 'probe')
  execute function note_failure();

-- Bounces that came after 250, in the cohort of the window their message was sent in.
create table late_bounces (
  recipient     bigint primary key,
  address       inet,
  provider      text not null,
  sent_at       timestamptz not null,
  window_index  integer,
  campaign      text not null,
  tenant        text not null,
  severity      text not null check (severity in ('hard', 'soft')),
  class         text not null,
  reply         text not null,
  at            timestamptz not null default now(),
  detail        jsonb not null
);
create index late_bounces_of_lane on late_bounces (address, provider, sent_at);

-- Everything that arrived at the report addresses, by day, kind and what became of it.
create table report_counts (
  day      date not null,
  kind     text not null,
  outcome  text not null,
  n        bigint not null default 0,
  primary key (day, kind, outcome)
);

-- The head of a report nobody can vouch for, so that a person can look.
alter table unverified_reports add column raw bytea;
create index unverified_by_time on unverified_reports (at);

-- Only who asked to hear of success or delay is looked for; failures find their request by its key.
create index dsn_requests_success on dsn_requests (recipient) where notify like '%SUCCESS%';
create index dsn_requests_delay on dsn_requests (recipient) where notify like '%DELAY%';

-- When a feed spoke last.
create index complaints_by_feed on complaints (provider, at);
