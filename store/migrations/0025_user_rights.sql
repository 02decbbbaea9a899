-- Whose mail a user may hand in, and of which stream: a control header must not name another tenant, nor put a campaign
-- before everybody's transactional mail. Of both the first is the default; empty: every one, as before.

alter table users
  add column if not exists tenants text[] not null default '{}',
  add column if not exists streams text[] not null default '{}'
    check (streams <@ array['marketing', 'transactional']);
