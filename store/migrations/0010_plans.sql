-- A running ramp's plan may be edited: each lane's row of it is told like any other decision.
alter table decisions drop constraint decisions_kind_check;
alter table decisions add constraint decisions_kind_check check (kind in
  ('start', 'advance', 'hold', 'step-back', 'pause', 'quarantine', 'resume', 'complete', 'rollback', 'set-plan'));
