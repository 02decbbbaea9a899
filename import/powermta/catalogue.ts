/**
 * Every directive of PowerMTA that Rampart does not translate, with the reason: what it does instead, or what is lost.
 * The translators come first; what they leave is looked up here, and what is not here either ends as not supported. Names
 * are those of the 5.0 user's guide and of later and older versions as public configurations use them.
 */
import type { End } from '../outcome.ts';
import { DOMAIN_CATALOGUE } from './catalogue-domain.ts';
import { SOURCE_CATALOGUE } from './catalogue-source.ts';

export interface Entry {
  readonly end: Exclude<End, 'translated'>;
  readonly says: string;
}

/** Directives with the same end and reason. */
export type Group = readonly [end: Entry['end'], names: string, says: string];

export function entries(groups: readonly Group[]): ReadonlyMap<string, Entry> {
  return new Map(
    groups.flatMap(([end, names, says]) => names.split(/\s+/).map((name) => [name, { end, says }] as const)),
  );
}

const GLOBAL = entries([
  ['not-needed', 'domain-macro', 'it is written out wherever it is used'],
  ['not-needed', 'include', 'what it includes was read in its place'],
  ['not-needed', 'postmaster', 'delivery status notifications come from postmaster@ of the hostname'],
  ['not-needed', 'spool spool-delete-corrupted spool-max-recipients', 'mail is kept in PostgreSQL'],
  ['not-needed', 'sync-msg-create sync-msg-update', 'Rampart answers 250 after the message is on disk, always'],
  [
    'not-needed',
    'http-mgmt-port http-access http-api-key http-redirect-to-https http-server-tls-certificate http-mgmt-threads',
    'Rampart is operated with ./rampart; it has no management port of this kind',
  ],
  [
    'not-needed',
    'log-file log-auto-rotation log-rotate log-rotate-size log-config log-commands log-connections log-data log-resolution logfile log-errors log-smtp-errors log-successful-auth',
    'each role writes its log to its standard output; ./rampart mta trace shows a conversation',
  ],
  ['not-needed', 'run-as-root user group', 'the service manager starts Rampart as the user it should be'],
  [
    'not-needed',
    'total-max-smtp-out total-max-smtp-in max-smtp-connections smtp-io-threads io-threads delivery-threads',
    'connections are limited per lane and per listener (docs/injection.md, docs/delivery.md)',
  ],
  ['not-needed', 'domain-suffix', 'recipients must have a whole domain'],
  ['not-needed', 'smtp-server-tls-ca-file smtp-server-tls-ciphers', "the listener's certificate file holds its chain"],
  [
    'not-needed',
    'smtp-server-tls-allow-sslv2 smtp-server-tls-allow-sslv3 smtp-server-tls-allow-tlsv1 smtp-server-tls-allow-tlsv1.1 smtp-server-tls-allow-tlsv1.2 smtp-server-tls-allow-tlsv1.3 smtp-client-tls-allow-tlsv1 smtp-tls-allow-sslv2 smtp-tls-allow-sslv3 smtp-tls-allow-tlsv1',
    'TLS 1.2 and 1.3 are spoken',
  ],
  [
    'not-needed',
    'license-file edns-udp-length dns-max-udp-size check-mx-for-domains dns-cache-size dns-max-cached-domains',
    'Rampart has no such part',
  ],
  ['not-needed', 'enable-signals', 'events go to webhooks, AMQP and Kafka (docs/events.md)'],
  ['not-needed', 'dk-sign', 'DomainKeys is historic (RFC 4870); DKIM signs'],
  ['not-needed', 'snmp-agent snmp-access snmp-port', 'Rampart has no SNMP agent'],
  [
    'not-supported',
    'dns-resolver-address name-server dns-server',
    'DNS servers are those of the system: set mta.resolvers for others',
  ],
  ['not-supported', 'smtp-source-host', 'no virtual MTA is without a source of its own: this one is not used'],
  [
    'not-supported',
    'smtp-proxy-source-host use-proxy',
    'mail can not leave through a proxy: its addresses must be bound',
  ],
  ['not-supported', 'relay-domain relay-address', 'Rampart takes no mail for others than bounces and feedback reports'],
  [
    'not-supported',
    'mx-connection-limit ip-connection-limit',
    'limits are per lane (address and provider), not per MX host',
  ],
  ['not-supported', 'reroute-to-virtual-mta', 'send the users of this mail to the other pool'],
  ['not-supported', 'smtp-listener', 'it has no address and port that could be read'],
  ['not-supported', 'domain-key', 'it names no selector, domain and file that could be read'],
]);

const VIRTUAL_MTA = entries([
  ['not-needed', 'host-name', 'an address greets with the name of its smtp-source-host line'],
  ['not-needed', 'auto-cold-virtual-mta-suffix', 'cold addresses stand in the pool itself'],
  ['not-supported', 'max-smtp-out', 'limits are per lane: there is none over all providers of an address'],
  [
    'not-supported',
    'max-smtp-msg-rate max-msg-rate',
    'limits are per lane: there is none over all providers of an address',
  ],
  ['not-supported', 'smtp-source-host', 'it names no IPv4 address and host name'],
  [
    'not-supported',
    'use-proxy smtp-proxy-source-host smtp-proxy-server',
    'mail can not leave through a proxy: its addresses must be bound',
  ],
  [
    'not-supported',
    'cold-virtual-mta auto-cold-virtual-mta',
    'the virtual MTA it names has no address that could be used',
  ],
  ['not-supported', 'virtual-mta', 'the virtual MTA it names has no address that could be used'],
  ['not-supported', 'domain-key domain-key-list', 'it names no selector, domain and file that could be read'],
  ['not-supported', 'disable', 'leave the address out of the pool instead'],
]);

const ACCT_FILE_SAYS = 'what happened to each message is told as events (docs/events.md)';
const ACCT_FILE = entries([
  [
    'not-needed',
    'records record-fields move-to move-interval max-size delete-after retry-interval write-timeout sync iso-times user-string map-header-to-field queue-filter world-readable file-mode rotate-at',
    ACCT_FILE_SAYS,
  ],
  [
    'not-supported',
    'privacy-policy privacy-key',
    'events hold whole addresses: leave fields out where they are received',
  ],
]);

const SPOOL = entries([['not-needed', 'deliver-only path', 'mail is kept in PostgreSQL']]);
const PATTERNS_SAYS = 'replies are read by the rules of Rampart: try yours with ./rampart classify (docs/classify.md)';
const PATTERNS = entries([
  ['not-needed', 'reply', `a throttled lane slows down and holds by itself; ${PATTERNS_SAYS}`],
  ['not-needed', '/', PATTERNS_SAYS],
]);
const ROUTING = entries([
  [
    'not-supported',
    'header mail-from rcpt-to call-to',
    'mail is not sorted by pattern: the application names the pool in X-Rampart-Pool, or signs in as a user of it',
  ],
]);
const RETURNED = entries([
  [
    'not-needed',
    'deliver-matched-email deliver-unmatched-email',
    'reports are read and kept; ./rampart events tells of them',
  ],
  [
    'not-supported',
    'forward-errors-to forward-unmatched-to forward-matched-to forward-to forward deliver-unmatched-to pipe-to',
    'reports are not sent on: events tell of them (docs/events.md)',
  ],
  ['not-supported', 'address', 'a pattern of addresses: name each in mta.inbound.feedbackAddresses'],
  ['not-supported', 'domain', 'any address of a domain: name each in mta.inbound.feedbackAddresses'],
  ['not-needed', 'header body mail-from rcpt-to', 'reports are recognised by their form (docs/bounces.md)'],
]);
const USER = entries([
  ['not-supported', 'password', 'its user has no name'],
  ['not-supported', 'source', 'no source of that name says which virtual MTA it uses'],
  ['not-needed', 'authentication-method', 'PLAIN and LOGIN over TLS'],
  ['not-supported', 'tls-certificate-subject certificate', 'users sign in with a password'],
]);
const REWRITE = entries([
  [
    'not-supported',
    'mail-from rcpt-to',
    'envelopes are not rewritten: mta.bounceDomain makes return paths that name the recipient',
  ],
]);
const SIGNALS = [
  'api-key upload-url log-verbose engagement-tracking min-free-space process-x-sp-subaccount-id retain-x-sp-subaccount-id privacy-policy custom-message-id-header customer-id retry-interval',
] as const;
const SIGNALS_ENTRIES = entries([['not-needed', SIGNALS[0], 'events go to webhooks, AMQP and Kafka (docs/events.md)']]);
const NONE = entries([]);

/** By the tag of the block a directive stands in; '' is the configuration itself. */
const BY_TAG: Readonly<Record<string, ReadonlyMap<string, Entry>>> = {
  '': GLOBAL,
  domain: DOMAIN_CATALOGUE,
  'virtual-mta': VIRTUAL_MTA,
  'virtual-mta-pool': VIRTUAL_MTA,
  source: SOURCE_CATALOGUE,
  'smtp-user': USER,
  'acct-file': ACCT_FILE,
  spool: SPOOL,
  'smtp-pattern-list': PATTERNS,
  'bounce-category-patterns': PATTERNS,
  'pattern-list': ROUTING,
  'bounce-processor': RETURNED,
  'feedback-loop-processor': RETURNED,
  'address-list': RETURNED,
  'email-patterns': RETURNED,
  'rewrite-list': REWRITE,
  signals: SIGNALS_ENTRIES,
};

/** Blocks nobody translates. */
const BLOCKS: ReadonlyMap<string, Entry> = entries([
  ['not-needed', 'acct-file', ACCT_FILE_SAYS],
  ['not-needed', 'spool', 'mail is kept in PostgreSQL'],
  ['not-needed', 'smtp-pattern-list bounce-category-patterns', PATTERNS_SAYS],
  [
    'not-needed',
    'feedback-loop-processor bounce-processor address-list email-patterns',
    'its lines are told one by one',
  ],
  ['not-needed', 'signals', 'events go to webhooks, AMQP and Kafka (docs/events.md)'],
  ['not-needed', 'source domain-key-list mx-rollup-list', 'its lines are told one by one'],
  [
    'not-supported',
    'pattern-list',
    'mail is not sorted by pattern: the application names the pool, or signs in as a user of it',
  ],
  ['not-supported', 'rewrite-list', 'envelopes are not rewritten'],
  ['not-supported', 'proxy', 'mail can not leave through a proxy: its addresses must be bound'],
  ['not-supported', 'suppression-list', 'take the list over with ./rampart suppress import'],
  ['not-supported', 'smtp-user', 'it has no name'],
  ['not-supported', 'virtual-mta', 'it has no IPv4 address that could be used'],
  ['not-supported', 'virtual-mta-pool', 'none of its virtual MTAs has an address that could be used'],
  ['not-supported', 'domain', 'it stands where PowerMTA does not read it'],
]);

/** What becomes of a directive that no translator took; undefined: nobody knows it. */
export function entryOf(tag: string, directive: string): Entry | undefined {
  return (BY_TAG[tag] ?? NONE).get(directive) ?? (directive === 'include' ? GLOBAL.get('include') : undefined);
}

export function blockEntryOf(tag: string): Entry | undefined {
  return BLOCKS.get(tag);
}
