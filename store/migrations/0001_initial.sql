-- What must last. Times are timestamptz in UTC; a window is named by its index in its calendar
-- (policy/calendar.ts) and always carries its absolute start and end, so that nothing recomputes day boundaries.

create table pools (
  name      text primary key,
  overflow  text not null default 'warm-peers' check (overflow in ('warm-peers', 'wait')),
  calendar  jsonb not null
);

create table addresses (
  address    inet primary key,
  pool       text not null references pools (name),
  node       text not null,
  ehlo_name  text not null
);

-- A ramp is an episode of an address; its plan and calendar are fixed when it starts, its history stays for ever.
create table ramps (
  id            text primary key,
  address       inet not null references addresses (address),
  pool          text not null,
  plan          jsonb not null,
  calendar      jsonb not null,
  first_window  integer not null,
  started_at    timestamptz not null,
  started_by    text not null,
  reason        text,
  ended_at      timestamptz,
  outcome       text check (outcome in ('complete', 'aborted'))
);
create unique index ramps_one_live on ramps (address) where ended_at is null;

-- The truth about a lane. `revision` fences every write that was decided from an older state.
create table lanes (
  address         inet not null references addresses (address),
  provider        text not null,
  phase           text not null check (phase in
                    ('planned', 'ramping', 'holding', 'stepped-back', 'quarantined', 'graduating', 'warm', 'cooling')),
  stage           integer not null default 0,
  ceiling         integer not null default 0,      -- messages a day the phase and stage allow
  normal          integer not null,                -- the provider's normal limit for this address, messages a day
  pause_reasons   text[] not null default '{}',
  ramp_id         text references ramps (id),
  evidence_since  timestamptz not null default now(), -- evidence before it does not count (start, last retreat)
  clean           integer not null default 0,      -- clean evaluations in a row since the last retreat
  evaluated       integer,                         -- last window that had its evaluation
  advanced        integer,                         -- last window that advanced the lane
  revision        bigint not null default 0,
  phase_since     timestamptz not null default now(),
  last_sent_at    timestamptz,
  primary key (address, provider)
);

create table grants (
  address       inet not null,
  provider      text not null,
  window_index  integer not null,
  starts        timestamptz not null,
  ends          timestamptz not null,
  send_from     timestamptz not null,
  send_to       timestamptz not null,
  units         integer not null check (units >= 0),
  peak_units    integer not null,                  -- the most this window ever allowed: what a checker compares with
  plan_units    integer not null,                  -- the plan's row (or the normal limit of a warm lane)
  revision      bigint not null,
  origin        text not null check (origin in ('decided', 'carried', 'normal')),
  carried       integer not null default 0,        -- windows since the last decided grant
  handed        integer not null default 0,        -- handed out to MTA processes and not given back
  hours         integer[] not null,                -- the same by plan hour of the window (25: the longest day)
  seq           integer not null default 0,        -- every change counts it up: the compare-and-set of a reservation
  primary key (address, provider, window_index),
  foreign key (address, provider) references lanes (address, provider),
  check (handed >= 0)
);

-- Holds stand apart from grants: what may be sent = grant and no hold.
create table holds (
  id          bigint generated always as identity primary key,
  scope       text not null check (scope in
                ('lane', 'address', 'netblock', 'pool', 'arm', 'provider', 'stream', 'campaign', 'tenant', 'domain', 'all')),
  target      text not null,                       -- lane: '<address> <provider>'; all: '*'
  reach       text not null check (reach in ('cold', 'all')),
  cause       text not null,                       -- operator | gate:<metric> | incident:<rule> | freeze | no-data
  actor       text not null,
  reason      text not null,
  evidence    jsonb,
  since       timestamptz not null default now(),
  until       timestamptz,
  cleared_at  timestamptz,
  cleared_by  text,
  clear_reason text
);
create index holds_live on holds (scope, target) where cleared_at is null;
create unique index holds_one_a_cause on holds (scope, target, cause) where cleared_at is null;

create table operations (
  id      text primary key,
  result  jsonb not null,
  at      timestamptz not null default now()
);

create table decisions (
  id             bigint generated always as identity primary key,
  operation_id   text not null,
  ramp_id        text,
  address        inet not null,
  provider       text not null,
  window_index   integer not null,
  kind           text not null check (kind in
                   ('start', 'advance', 'hold', 'step-back', 'pause', 'quarantine', 'resume', 'complete', 'rollback')),
  from_phase     text not null,
  to_phase       text not null,
  from_stage     integer not null,
  to_stage       integer not null,
  from_ceiling   integer not null,
  to_ceiling     integer not null,
  actor          text not null,
  reason         text not null,
  evidence       jsonb not null,
  policy_version text not null,
  revision       bigint not null,
  at             timestamptz not null
);
create index decisions_of_lane on decisions (address, provider, id);
create index decisions_of_ramp on decisions (ramp_id, id);

create table incidents (
  id          bigint generated always as identity primary key,
  scope       text not null,
  target      text not null,
  cause       text not null,
  address     inet,
  provider    text,
  detail      jsonb not null,
  opened_at   timestamptz not null default now(),
  relayed_at  timestamptz,
  closed_at   timestamptz
);
create unique index incidents_one_open on incidents (scope, target, cause) where closed_at is null;
create index incidents_to_relay on incidents (id) where relayed_at is null;

create table notices (
  id       bigint generated always as identity primary key,
  kind     text not null,
  subject  text not null,
  body     jsonb not null,
  at       timestamptz not null default now(),
  sent_at  timestamptz
);
create index notices_to_send on notices (id) where sent_at is null;

-- One row a running process. A sender whose lease has run out has stopped its cold lanes by itself.
create table processes (
  id           text primary key,
  role         text not null,
  node         text not null,
  pid          integer not null,
  started_at   timestamptz not null default now(),
  lease_until  timestamptz not null,
  stopped_at   timestamptz
);

create table bodies (
  id   bigint generated always as identity primary key,
  raw  bytea not null
);
alter table bodies alter column raw set storage external;  -- mail is short-lived: compressing it costs more than it saves

create table messages (
  id           bigint generated always as identity primary key,
  body_id      bigint not null,
  batch        uuid not null,                       -- its group commit: tells after a lost answer whether it happened
  message_id   text not null,
  mail_from    text not null,
  pool         text not null,
  tenant       text not null,
  stream       text not null check (stream in ('marketing', 'transactional')),
  segment      text not null,
  campaign     text not null,
  received_at  timestamptz not null default now(),
  recipients   integer not null
);
create index messages_by_message_id on messages (message_id);
create index messages_by_batch on messages (batch);

-- One row a recipient that is not finished. Finished recipients leave the table; their story is in attempts.
create table queue (
  id             bigint generated always as identity primary key,
  message        bigint not null,
  body_id        bigint not null,
  rcpt           text not null,
  domain         text not null,
  pool           text not null,
  tenant         text not null,
  stream         text not null,
  segment        text not null,
  campaign       text not null,
  provider       text,                              -- null until its MX is known
  address        inet,                              -- a deferred message keeps its address (greylisting)
  pinned         boolean not null default false,    -- a probe tests this lane and no other
  freed          boolean not null default false,    -- left a lane that stopped: warm addresses only
  attempts       integer not null default 0,
  doubts         integer not null default 0,        -- final answers that never came
  first_attempt  timestamptz,
  due            timestamptz not null default now(),
  expires        timestamptz not null,
  claim          text,
  claimed_at     timestamptz,
  reason         text
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
create index queue_fresh on queue (pool, provider, due) where claim is null and address is null;
-- Cold lanes are shared among tenants: each one's mail must be found without reading another's.
create index queue_by_tenant on queue (pool, provider, tenant, due) where claim is null and address is null;
create index queue_kept on queue (address, provider, due) where claim is null and address is not null;
create index queue_unrouted on queue (domain) where provider is null;
create index queue_claimed on queue (claim) where claim is not null;

create table attempts (
  id            bigint generated always as identity primary key,
  recipient     bigint not null,
  message       bigint not null,
  address       inet,
  provider      text not null,
  window_index  integer,
  at            timestamptz not null,
  number        integer not null,
  first_at      timestamptz,                        -- of the recipient's first attempt: its cohort
  unit          boolean not null,
  severity      text not null check (severity in
                  ('delivered', 'deferred', 'hard', 'soft', 'blocked', 'expired', 'in-doubt')),
  class         text not null,
  scope         text not null,
  rule          text not null,
  reply         text not null,
  final         boolean not null,
  campaign      text not null,
  tenant        text not null,
  probe         boolean not null default false,
  process       text not null
);
create index attempts_of_lane on attempts (address, provider, at);
-- A commit whose answer was lost is repeated: the same attempt must not count twice.
create unique index attempts_once on attempts (recipient, number, process);
create index attempts_of_message on attempts (message);

-- What the fast gates read every few seconds; a bucket is a plan minute, at least 250 ms (policy/calendar.ts).
create table rollups (
  address     inet not null,
  provider    text not null,
  campaign    text not null,
  bucket      timestamptz not null,
  attempts    integer not null default 0,
  delivered   integer not null default 0,
  deferred    integer not null default 0,
  reputation  integer not null default 0,           -- 4xx and 5xx that name the sender's reputation
  hard        integer not null default 0,
  soft        integer not null default 0,
  blocked     integer not null default 0,
  primary key (address, provider, campaign, bucket)
);
create index rollups_by_time on rollups (bucket);

create table complaints (
  recipient     bigint primary key,
  address       inet,
  provider      text not null,
  sent_at       timestamptz not null,
  window_index  integer,
  campaign      text not null,
  tenant        text not null,
  at            timestamptz not null default now(),
  detail        jsonb not null
);
create index complaints_of_lane on complaints (address, provider, sent_at);

create table unverified_reports (
  id      bigint generated always as identity primary key,
  at      timestamptz not null default now(),
  kind    text not null,
  detail  jsonb not null
);

create table probes (
  id            bigint generated always as identity primary key,
  address       inet not null,
  provider      text not null,
  window_index  integer not null,
  seed          text not null,
  message_id    text not null unique,
  recipient     bigint not null,
  sent_at       timestamptz not null default now(),
  placement     text check (placement in ('inbox', 'tab', 'spam', 'missing', 'unobserved')),
  observed_at   timestamptz,
  detail        text
);
create index probes_of_lane on probes (address, provider, window_index);
create index probes_open on probes (address) where placement is null;
