-- Cutovers: a pool's mail moves from one arm to the other in steps. The row is the truth; the workflow is its clock, the
-- split (store/splits.ts) what the MTA is told.

create table cutovers (
  id             text primary key,
  front          text not null references pools (name),
  old_arm        text not null references pools (name),
  new_arm        text not null references pools (name),
  scope          jsonb not null,
  plan           jsonb not null,                   -- policy/cutover/plan.ts, fixed when it starts
  calendar       jsonb not null,
  migration      text,                             -- that started it; null: a person did
  phase          text not null check (phase in ('preparing', 'waiting', 'running', 'holding', 'stepped-back', 'rolled-back',
                   'watching', 'done', 'aborted')),
  rung           integer not null,                 -- of its ladder; -1: nothing has moved
  phase_since    timestamptz not null,
  rung_since     timestamptz not null,
  reached_at     timestamptz,                      -- when the rung's share was in force everywhere; null: not yet
  evidence_since timestamptz not null,             -- mail sent before it no longer counts (start, last retreat)
  step_backs     integer not null default 0,       -- since the last advance
  approval       jsonb,                            -- {rung, actor, reason, at}: a person's yes to one raise
  differences    jsonb,                            -- between the two messages; null: not compared yet
  accepted       jsonb not null default '[]',      -- [{name, actor, reason, at}]
  baseline       jsonb,
  outlook        jsonb,                            -- the last evaluation: what it waits for, judgements, shares
  window_index   integer,                          -- last window whose shares were written
  revision       bigint not null default 0,        -- fences what was decided from an older state
  started_at     timestamptz not null,
  started_by     text not null,
  reason         text not null,
  ended_at       timestamptz
);
create unique index cutovers_one_live on cutovers (front) where ended_at is null;
create index cutovers_of_front on cutovers (front, started_at);

create table cutover_decisions (
  id             bigint generated always as identity primary key,
  cutover        text not null references cutovers (id),
  operation_id   text not null,
  event          text not null,
  from_phase     text not null,
  to_phase       text not null,
  from_rung      integer not null,
  to_rung        integer not null,
  actor          text not null,
  reason         text not null,
  evidence       jsonb not null,
  policy_version text not null,
  revision       bigint not null,
  at             timestamptz not null
);
create index cutover_decisions_of on cutover_decisions (cutover, id);

-- What each provider's share was in each window, and which of its limits bound it.
create table cutover_shares (
  cutover      text not null references cutovers (id),
  window_index integer not null,
  stream       text not null,
  provider     text not null,
  points       float8 not null,
  binds        text not null,
  step         float8 not null,
  forecast     float8 not null,
  grants       float8,                             -- null: nothing limits the new arm
  needed       integer not null,                   -- ceiling a day that the next rung needs
  primary key (cutover, window_index, stream, provider)
);

-- What was counted already: attempts are read for the last days only, whatever a cutover takes.
create table cutover_hours (
  cutover    text not null references cutovers (id),
  hour       timestamptz not null,                 -- of first attempts
  arm        text not null,
  provider   text not null,
  campaign   text not null,
  segment    text not null,
  stream     text not null,
  messages   integer not null,
  told       integer not null,                     -- of them: what became of it is known
  delivered  integer not null,
  deferred   integer not null,
  hard       integer not null,
  blocked    integer not null,
  complaints integer not null,
  primary key (cutover, hour, arm, provider, campaign, segment, stream)
);
create table cutover_volumes (
  cutover      text not null references cutovers (id),
  window_index integer not null,
  provider     text not null,                      -- of the mailbox
  stream       text not null,
  messages     integer not null,
  primary key (cutover, window_index, provider, stream)
);

-- Somebody else was asked. A question belongs to one raise (or fall) from one revision of the row.
create table cutover_gates (
  cutover     text not null references cutovers (id),
  gate        text not null check (gate in ('confirm-step', 'confirm-rollback')),
  rung        integer not null,
  asked_at    timestamptz not null,
  answered_at timestamptz,
  answer      text check (answer in ('yes', 'no', 'silent')),
  says        text,
  primary key (cutover, gate, rung, asked_at)
);

-- The same mail through both arms to the same seed. `rung` -1: the two messages that are compared before anything moves.
create table cutover_probes (
  message_id  text primary key,
  cutover     text not null references cutovers (id),
  rung        integer not null,
  arm         text not null check (arm in ('old', 'new')),
  seed        text not null,
  provider    text not null,
  pair        text not null,
  recipient   bigint not null,
  sent_at     timestamptz not null,
  placement   text check (placement in ('inbox', 'tab', 'spam', 'missing', 'unobserved')),
  detail      text,
  raw         bytea                                -- as it arrived, of those that are compared
);
create index cutover_probes_of on cutover_probes (cutover, rung);

-- Pools one after the other.
create table pool_migrations (
  name        text primary key,
  pools       jsonb not null,                      -- in order: {front, from, to, scope, plan}
  on_fail     text not null check (on_fail in ('hold', 'revert')),
  held        text,                                -- why the next pool does not start; null: it may
  actor       text not null,
  reason      text not null,
  started_at  timestamptz not null,
  ended_at    timestamptz,
  ended_by    text,
  end_reason  text,
  outcome     text check (outcome in ('done', 'aborted'))
);
