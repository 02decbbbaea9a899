-- Keys that sign mail, and what recipient domains ask of those who send to them.

create table dkim_keys (
  domain         text not null,                    -- lower case, A-labels
  selector       text not null,
  algorithm      text not null check (algorithm in ('rsa-sha256', 'ed25519-sha256')),
  public_key     text not null,                    -- the p= of its DNS record
  private_key    text,                             -- PKCS #8, PEM or sealed (mta/signing/seal.ts); null: in a file
  state          text not null default 'published' check (state in ('published', 'active', 'retired')),
  created_at     timestamptz not null default now(),
  checked_at     timestamptz,
  check_result   text,                             -- what the last look at DNS found, while it is not active
  activated_at   timestamptz,
  retired_at     timestamptz,
  keep_until     timestamptz,                      -- a retired key's record stays in DNS until then
  primary key (domain, selector)
);

-- MTA-STS policies (RFC 8461), shared by processes and kept over restarts: only then do they protect anything.
create table sts_policies (
  domain      text primary key,
  policy_id   text not null,
  mode        text not null check (mode in ('enforce', 'testing', 'none')),
  mx          text[] not null,
  max_age     integer not null,                    -- seconds
  fetched_at  timestamptz not null default now()
);
