/** Directives of `<source>` blocks that are not translated, with the reason (user's guide, 3.3.4). */
import type { Entry, Group } from './catalogue.ts';

const GROUPS: readonly Group[] = [
  ['not-needed', 'smtp-service', 'who may hand in mail is said by users and listeners'],
  [
    'not-needed',
    'always-allow-relaying require-auth allow-unencrypted-plain-auth allow-starttls require-starttls require-starttls-before-auth',
    'users sign in, over TLS unless they are on loopback, and may then send to everybody',
  ],
  [
    'not-supported',
    'process-x-virtual-mta retain-x-virtual-mta',
    'X-virtual-MTA is not read: the application names the pool in X-Rampart-Pool',
  ],
  [
    'not-supported',
    'process-x-job jobid-header retain-x-job',
    'X-job is not read: the campaign is named in X-Rampart-Campaign',
  ],
  ['not-supported', 'process-x-envid retain-x-envid process-x-dkim-options', 'these headers are not read'],
  [
    'not-supported',
    'pattern-list',
    'mail is not sorted by pattern: the application names the pool, or signs in as a user of it',
  ],
  ['not-supported', 'rewrite-list', 'envelopes are not rewritten'],
  ['not-supported', 'suppression-lists suppression-list', 'take the lists over with ./rampart suppress import'],
  [
    'not-supported',
    'default-virtual-mta',
    'nobody hands in mail by this source, or the virtual MTA it names has no address',
  ],
  ['not-supported', 'default-virtual-mta-by-smtp-source-ip', 'a user has its pools, whatever listener it comes by'],
  [
    'not-needed',
    'add-received-header remove-received-headers hide-message-source add-date-header add-message-id-header add-return-path-header',
    'one Received line is added, without the client; Date and Message-ID are added where they are missing',
  ],
  ['not-supported', 'remove-header', 'headers of the application stay: leave them out there'],
  [
    'not-needed',
    'log-connections log-commands log-data log-smtp-in',
    'each role writes its log to its standard output',
  ],
  [
    'not-needed',
    'smtp-max-auth-failure-rate max-smtp-in max-messages-per-connection max-rcpt-per-message max-errors-per-connection idle-timeout smtp-command-timeout',
    'listeners have limits of their own (mta.limits)',
  ],
  ['not-supported', 'verp-default', 'mta.bounceDomain makes return paths that name the recipient'],
  ['not-supported', 'allow-mailmerge', 'one message at a time: mail merge is not spoken'],
  ['not-supported', 'always-allow-api-submission', 'POST /v1/messages takes users only (docs/injection.md)'],
  ['not-needed', 'suppress-local-dsn', 'mta.notifications says whether senders are told'],
  ['not-needed', 'dsn-return-default reject-invalid-message-headers lmtp', 'Rampart has no such part'],
  ['not-supported', 'max-message-size', 'it could not be read: mta.maxBytes is the limit'],
  [
    'not-needed',
    'check-mfrom check-spf-inbound check-dkim-inbound add-auth-results',
    'mail comes from users of yours only',
  ],
];

export const SOURCE_CATALOGUE: ReadonlyMap<string, Entry> = new Map(
  GROUPS.flatMap(([end, names, says]) => names.split(/\s+/).map((name) => [name, { end, says }] as const)),
);
