-- What other engines tell, as far as it decides something at once.

alter table legacy_events
  add column token bigint,                         -- the recipient of ours that a trace token in the record names
  add column hearsay boolean not null default false; -- it reached the engine in a mail that anybody could have sent

-- What became of mail we handed on, a plan minute each: what is looked at every few seconds while an upstream is a new arm,
-- and what tells a provider's bad hours from dead addresses. '' where no arm was chosen.
create table legacy_rollups (
  front     text not null,
  arm       text not null,
  provider  text not null,
  bucket    timestamptz not null,
  attempts  integer not null default 0,
  hard      integer not null default 0,
  blocked   integer not null default 0,
  primary key (front, arm, provider, bucket)
);
create index legacy_rollups_by_time on legacy_rollups (bucket);

-- When mail that goes back to an old arm would be due without the pace of its release; null: no release paces it. Another
-- pace begins from there.
alter table queue add column own_due timestamptz;
-- The rules a release was planned by: others mean another plan for what still waits. null: from before this was kept.
alter table split_releases add column moves jsonb;
-- Operations are remembered as long as somebody may repeat them.
create index operations_by_time on operations (at);
-- When a provider's bad hours are found out, its entries of those hours are looked for.
create index suppressions_bounced on suppressions (provider, since) where source = 'hard-bounce';
