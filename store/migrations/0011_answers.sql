-- What an attempt met, beside the words of the answer.

-- The remote that gave the answer, a host name, with `:port` where it is an upstream; null: nobody did, the words are ours.
alter table attempts add column host text;
-- How the connection was protected: `TLSv1.3, certificate checked`, `in clear`; null: there was none.
alter table attempts add column tls text;
-- Notifications name the remote that refused (RFC 3464 §2.3.5).
alter table dsn_due add column host text;

create or replace function note_failure() returns trigger language plpgsql as $$
begin
  -- No remote said that a recipient of a domain without MX is dead: its DNS may be mended tomorrow.
  if new.severity = 'hard' and new.class = 'recipient' and new.rule <> 'no-mx' then
    insert into dead_found (recipient, rcpt, address, provider, reply, at)
    values (new.recipient, new.rcpt, new.address, new.provider, new.reply, new.at) on conflict do nothing;
  end if;
  insert into dsn_due (recipient, message, body_id, rcpt, severity, class, reply, at, host)
  select new.recipient, m.id, m.body_id, new.rcpt, new.severity, new.class, new.reply, new.at, new.host
  from messages m where m.id = new.message and m.mail_from <> '' on conflict do nothing;
  return null;
end $$;

-- What is older than its retention goes in small pages (store/retention.ts): its space must come back as steadily.
alter table attempts set (autovacuum_vacuum_scale_factor = 0.02);
alter table messages set (autovacuum_vacuum_scale_factor = 0.02);
