/** Directives of `<domain>` blocks that are not translated, with the reason (user's guide, 3.3.10). */
import type { Entry, Group } from './catalogue.ts';

const GROUPS: readonly Group[] = [
  [
    'not-supported',
    'retry-after retry-recipients-after retry-upon-new-mail retry-after-dns-error',
    'Rampart tries again by the kind of answer: greylisting after 5, 10, 20 min, throttling after 30 min to 4 h',
  ],
  [
    'not-supported',
    'bounce-after',
    'mail expires after 72 h, transactional mail after 12 h; X-Rampart-Expires says it per message',
  ],
  [
    'not-needed',
    'backoff-max-msg-rate backoff-max-msg-per-hour backoff-max-smtp-out backoff-max-connect-rate backoff-retry-after backoff-max-data-volume-rate backoff-to-normal-after backoff-to-normal-after-delivery backoff-upon-all-sources-disabled',
    'a lane that is throttled slows down, holds or steps back by itself, and comes back in steps',
  ],
  [
    'not-supported',
    'backoff-notify disabled-source-ip-notify',
    'nobody is sent mail about a lane that slows down: read events (docs/events.md)',
  ],
  ['not-needed', 'smtp-pattern-list bounce-rules', 'replies are read by the rules of Rampart (docs/classify.md)'],
  [
    'not-needed',
    'smtp-421-means-mx-unavailable smtp-553-means-invalid-mailbox replace-smtp-421-service-response bounce-upon-5xx-greeting bounce-upon-pix-transfer-failure pix-bug-workaround',
    'answers are read by their class, with what providers mean by them (docs/classify.md)',
  ],
  ['not-needed', 'bounce-upon-no-mx', 'a domain that takes no mail (RFC 7505) or does not exist is refused at once'],
  [
    'not-supported',
    'bounce-upon-transfer-failure assume-delivery-upon-data-termination-timeout',
    'a lost answer to the final dot is in-doubt: it is counted, and tried again',
  ],
  [
    'not-needed',
    'dkim-sign dk-sign dkim-algorithm dkim-body-canon dkim-headers-canon dkim-headers dkim-query-method dkim-add-timestamp dkim-identity dkim-identity-fallback dkim-disallow-adding-headers second-dkim-sign',
    "every message is signed with the key of its author's domain, relaxed/relaxed with rsa-sha256 or ed25519; dkim.alsoSign adds a domain of yours",
  ],
  ['not-supported', 'dkim-add-body-limit dkim-expire-after', 'signatures have neither l= nor x='],
  ['not-supported', 'second-dkim-identity second-domain-key', 'name the second domain in dkim.alsoSign'],
  [
    'not-needed',
    'connect-timeout smtp-greeting-timeout data-send-timeout smtp-data-termination-timeout connection-idle-timeout smtp-out-rampup-interval max-errors-per-connection',
    'Rampart has its own time-outs (RFC 5321, 4.5.3.2), and opens connections as mail needs them',
  ],
  ['not-needed', 'max-rcpt-per-message max-rcpt-per-transaction', 'one recipient per transaction, always'],
  ['not-supported', 'max-data-volume-rate source-ip-max-data-volume-rate', 'rates count messages, not bytes'],
  [
    'not-needed',
    'log-commands log-connections log-data log-messages log-resolution log-transfer-failures log-disabled-ips log-smtp-in max-events-recorded track-recipient-events',
    './rampart mta trace shows a conversation, events tell what happened',
  ],
  ['not-needed', 'disable-acct-records', 'a sink of events takes the kinds it names (docs/events.md)'],
  [
    'not-needed',
    'allow-cancel-during-transfer allow-priority-interruption allow-priority-interruption-during-transfer delivery-priority',
    'a message that is being sent is never broken off',
  ],
  ['not-supported', 'queue-priority', 'mail has two classes: X-Rampart-Stream transactional goes before marketing'],
  [
    'not-needed',
    'deliver-local-dsn dsn-format notify-of-delay-every',
    "mta.notifications says whether senders are told; reports have RFC 3464's form",
  ],
  ['not-supported', 'bcc-upon-delivery', 'no copies are sent'],
  ['not-supported', 'check-spf-outbound', './rampart doctor checks what DNS says of an address'],
  [
    'not-needed',
    'ignore-8bitmime ignore-chunking ignore-pipelining ignore-dsn',
    'extensions are used only where the other side offers them',
  ],
  [
    'not-supported',
    'smtp-hosts route default-smtp-port auth-username auth-password use-unencrypted-plain-auth',
    'one domain can not have a route of its own: a whole pool can go to another engine (pools.NAME.upstream)',
  ],
  ['not-supported', 'type command pipe-command file-format directory', 'mail leaves over SMTP only'],
  ['not-supported', 'queue-to', 'the queue it leads to is not one of a provider Rampart knows: mail is grouped by MX'],
  ['not-needed', 'disable-mx-rollup', 'mail is grouped by the provider behind its MX, always'],
  [
    'not-supported',
    'reroute-to-virtual-mta backoff-reroute-to-virtual-mta',
    'mail changes its pool by overflow only (pools.NAME.overflow)',
  ],
  ['not-needed', 'reenable-source-ip-after', 'a lane that was stopped comes back under its plan, in steps'],
  [
    'not-supported',
    'max-smtp-out max-msg-per-connection max-connect-rate max-msg-rate max-msg-per-hour source-ip-max-smtp-out source-ip-max-msg-rate source-ip-max-connect-rate max-smtp-out-per-source-ip',
    'limits are by provider: its domains belong to none Rampart knows, or its virtual MTA has no address',
  ],
  [
    'not-supported',
    'max-cold-virtual-mta-msg',
    'it has no effect: no cold-virtual-mta of this virtual MTA could be used',
  ],
  ['not-supported', 'use-dane', 'DANE is heeded wherever DNSSEC vouches for it (mta.remoteTls.dane)'],
  ['not-supported', 'use-starttls require-starttls', 'TLS is set by provider or whole domain (mta.remoteTls)'],
  [
    'not-needed',
    'smtp-tls-ciphers smtp-client-tls-certificate smtp-tls-allow-tlsv1 smtp-tls-allow-sslv3 smtp-tls-allow-tlsv1.1 smtp-tls-allow-tlsv1.2 smtp-client-tls-allow-tlsv1',
    'TLS 1.2 and 1.3 are spoken',
  ],
];

export const DOMAIN_CATALOGUE: ReadonlyMap<string, Entry> = new Map(
  GROUPS.flatMap(([end, names, says]) => names.split(/\s+/).map((name) => [name, { end, says }] as const)),
);
