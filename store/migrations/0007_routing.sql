-- Where a pool's mail goes that its cold lanes may not take now: also to another pool, or nowhere (it is refused).
alter table pools drop constraint pools_overflow_check;
alter table pools add constraint pools_overflow_check
  check (overflow in ('warm-peers', 'wait', 'refuse') or overflow ~ '^pool:.');

-- Hosts of the engine that takes a pool's mail instead of addresses of ours (who signs in there, and how, is no matter of
-- the store); null: the pool has addresses.
alter table pools add column upstream text[];

-- Handed on to an upstream is not delivered to a mailbox.
alter table attempts drop constraint attempts_severity_check;
alter table attempts add constraint attempts_severity_check check (severity in
  ('delivered', 'relayed', 'deferred', 'hard', 'soft', 'blocked', 'expired', 'in-doubt'));
