/**
 * What a provider's reply means: which class of answer, what of ours it is aimed at, and what becomes of the message.
 * Rules (data, in reply-rules.ts) come first; a reply that no rule knows is read by its enhanced status code (RFC 3463)
 * and then by its code, and always in the way that suppresses nobody and blames no address.
 */

import type { ReplyRule } from './reply-rules.ts';
import { REPLY_RULES } from './reply-rules.ts';

/**
 * `reputation`: volume is limited because of what we are; `block`: refused because of it; `listing`: a DNSBL is quoted;
 * `auth`: SPF, DKIM, DMARC; `identity`: PTR, EHLO, TLS, the sender's domain; `policy`: a rule of theirs that blames nothing
 * of ours for certain.
 */
export const REPLY_CLASSES = [
  'delivered',
  'throttle',
  'reputation',
  'block',
  'listing',
  'auth',
  'identity',
  'policy',
  'content',
  'recipient',
  'mailbox-full',
  'greylist',
  'infrastructure',
] as const;
export type ReplyClass = (typeof REPLY_CLASSES)[number];

/** What the reply is aimed at. `message` also when nothing of ours is to blame. */
export const REPLY_SCOPES = ['ip', 'netblock', 'domain', 'url', 'recipient', 'message'] as const;
export type ReplyScope = (typeof REPLY_SCOPES)[number];

/**
 * `hard`: the recipient is dead, suppress. `soft`: this message bounces, its recipient lives. `blocked`: refused for what
 * the lane is; the message is not at fault. `deferred`: try again.
 */
export type Severity = 'delivered' | 'deferred' | 'hard' | 'soft' | 'blocked';

export interface ReplyVerdict {
  readonly class: ReplyClass;
  readonly scope: ReplyScope;
  readonly severity: Severity;
  /** The same lane may try this message again later; true also for a 5xx that is known to be temporary. */
  readonly retry: boolean;
  /** This one reply stops the lane. */
  readonly laneFatal: boolean;
  /** Which rule spoke, for "say why". */
  readonly rule: string;
}

export interface Reply {
  readonly code: number;
  /** The reply's text, with or without codes in front of its lines. */
  readonly text: string;
  /** A provider's key, `other`, or UNKNOWN_PROVIDER for a reply whose server nobody recorded. */
  readonly provider: string;
  /** The command it answers: before RCPT no recipient has been named, so none is blamed. */
  readonly stage?: 'connect' | 'ehlo' | 'mail' | 'rcpt' | 'data';
}

interface Reading {
  readonly class: ReplyClass;
  readonly scope: ReplyScope;
  readonly rule: string;
  readonly temporary?: boolean;
}

/**
 * The provider of a reply that was only handed down: in a bounce, or on a command line. Every provider's rules may speak,
 * but for those whose wording means this at their provider alone (`loose`).
 */
export const UNKNOWN_PROVIDER = '*';

/** Remote servers choose this text: more of it would only buy them time in our patterns. */
const MAX_TEXT = 2_000;

/** Reads a reply. Pure; never throws. */
export function classifyReply(reply: Reply): ReplyVerdict {
  if (reply.code >= 200 && reply.code < 300) {
    return {
      class: 'delivered',
      scope: 'message',
      severity: 'delivered',
      retry: false,
      laneFatal: false,
      rule: 'delivered',
    };
  }
  const line = normalLine(reply);
  const rule = REPLY_RULES.find((candidate) => applies(candidate, reply) && candidate.pattern.test(line));
  if (rule === undefined) return verdict(reply.code, byEnhancedCode(reply, line) ?? byCode(reply), false);

  const scope = rule.scope === 'named' ? namedScope(line) : rule.scope;
  const reading = { class: rule.class, scope, rule: rule.id, temporary: rule.temporary ?? false };
  // A limit on a domain or a URL follows the mail wherever it goes: stopping one lane would not heal it.
  return verdict(reply.code, reading, rule.laneFatal === true && (scope === 'ip' || scope === 'netblock'));
}

/**
 * A command out of order or not known (RFC 5321 §4.2.2), and a login that failed (RFC 4954 §6): "503 no recipient" speaks
 * of commands and "535 unknown user" of who logs in, neither of a mailbox.
 */
const PROTOCOL_ERRORS: readonly number[] = [502, 503, 504, 534, 535, 538];

function applies(rule: ReplyRule, reply: Reply): boolean {
  const aboutRecipient = rule.class === 'recipient' || rule.class === 'mailbox-full';
  if (aboutRecipient && (beforeRecipient(reply) || PROTOCOL_ERRORS.includes(reply.code))) return false;
  if (rule.providers === 'any') return true;
  return reply.provider === UNKNOWN_PROVIDER ? rule.loose !== true : rule.providers.includes(reply.provider);
}

function verdict(code: number, reading: Reading, laneFatal: boolean): ReplyVerdict {
  const severity = severityOf(code, reading);
  const { class: replyClass, scope, rule } = reading;
  return { class: replyClass, scope, severity, retry: severity === 'deferred', laneFatal, rule };
}

function severityOf(code: number, reading: Reading): Severity {
  if (code < 500 || code > 599 || reading.temporary) return 'deferred';
  switch (reading.class) {
    case 'recipient':
      return 'hard';
    case 'block':
    case 'listing':
    case 'reputation':
      return 'blocked';
    case 'throttle':
    case 'greylist':
      return 'deferred';
    default:
      return 'soft';
  }
}

/**
 * One line "code text": each line's repeated codes removed, so that patterns may span lines. Google repeats both codes
 * on every line ("421-4.7.28 …"), others only the first.
 */
function normalLine(reply: Reply): string {
  const text = spaced(reply.text.slice(0, MAX_TEXT))
    .replace(/(^|\s)[245]\d\d[- ](?=[245]\.\d{1,3}\.\d{1,3}\b)/g, '$1')
    .replace(/(^|[\r\n])[245]\d\d[- ]/g, '$1');
  // qmail and its kin say it at the end: "sorry, no mailbox here (#5.1.1)".
  const enhanced = (/^\s*#?([245]\.\d{1,3}\.\d{1,3})\b/.exec(text) ?? /\(#([245]\.\d{1,3}\.\d{1,3})\b/.exec(text))?.[1];
  const words = text.split(/\s+/).filter((word) => word !== '' && word !== enhanced);
  return [reply.code, ...(enhanced === undefined ? [] : [enhanced]), ...words].join(' ');
}

/** Some logs and relays hand a reply on with its spaces as underscores: "550_user_unknown". */
function spaced(text: string): string {
  const underscores = text.split('_').length - 1;
  return underscores > 0 && underscores >= text.trim().split(/\s+/).length - 1 ? text.replaceAll('_', ' ') : text;
}

/** Google and Microsoft say in words which identity of ours is limited. */
function namedScope(line: string): ReplyScope {
  if (/netblock|network range/i.test(line)) return 'netblock';
  if (/URL domain/i.test(line)) return 'url';
  if (/(DKIM|SPF|sending) domain/i.test(line)) return 'domain';
  return 'ip';
}

const BY_SUBJECT: readonly { readonly pattern: RegExp; readonly class: ReplyClass; readonly scope: ReplyScope }[] = [
  { pattern: /^1\.(1|2|3|6|10)$/, class: 'recipient', scope: 'recipient' },
  { pattern: /^1\.[789]$/, class: 'identity', scope: 'domain' },
  { pattern: /^2\.1$/, class: 'recipient', scope: 'recipient' },
  { pattern: /^2\.2$/, class: 'mailbox-full', scope: 'recipient' },
  { pattern: /^(2\.3|3\.4)$/, class: 'content', scope: 'message' },
  { pattern: /^[34]\./, class: 'infrastructure', scope: 'message' },
  { pattern: /^5\.3$/, class: 'throttle', scope: 'message' },
  { pattern: /^6\./, class: 'content', scope: 'message' },
  // RFC 4954: the account is disabled. RFC 7293: the mailbox or domain has changed hands since the sender last knew.
  { pattern: /^7\.(13|17|18)$/, class: 'recipient', scope: 'recipient' },
  // RFC 7372 (authentication) and RFC 7505 (a sender's null MX).
  { pattern: /^7\.(2[0-4]|26)$/, class: 'auth', scope: 'domain' },
  { pattern: /^7\.25$/, class: 'identity', scope: 'ip' },
  { pattern: /^7\.27$/, class: 'identity', scope: 'domain' },
  { pattern: /^7\.28$/, class: 'reputation', scope: 'ip' },
  // RFC 5248 and RFC 8689: it wants TLS.
  { pattern: /^7\.(10|11|30)$/, class: 'identity', scope: 'ip' },
];

/** Does this enhanced status code (`5.1.1`) name a class by itself? Many only say that something failed (`5.0.0`). */
export function readsStatus(status: string): boolean {
  const detail = /^[245]\.(\d{1,3}\.\d{1,3})$/.exec(status)?.[1];
  return detail !== undefined && BY_SUBJECT.some(({ pattern }) => pattern.test(detail));
}

/** RFC 3463: subject and detail say what failed; the class digit repeats the reply code and is not trusted over it. */
function byEnhancedCode(reply: Reply, line: string): Reading | undefined {
  const found = /^\d+ [245]\.(\d{1,3}\.\d{1,3})\b/.exec(line)?.[1];
  if (found === undefined) return undefined;
  const entry = BY_SUBJECT.find((candidate) => candidate.pattern.test(found));
  // Before MAIL no recipient has been named: whatever a server says there is about the address that connects.
  if (beforeMail(reply) && entry?.class !== 'infrastructure') return byCode(reply);
  // At MAIL it speaks of our sender's address with the words it has for recipients.
  if (reply.stage === 'mail' && entry?.scope === 'recipient') {
    return { class: 'identity', scope: 'domain', rule: `status-x.${found}` };
  }
  return { class: entry?.class ?? 'policy', scope: entry?.scope ?? 'message', rule: `status-x.${found}` };
}

/** Bare codes. 550 stands for "no such mailbox" and for "policy" alike (RFC 5321 §4.2.2), so it never counts as hard. */
function byCode(reply: Reply): Reading {
  const rule = `code-${reply.code}`;
  const permanent = reply.code >= 500 && reply.code <= 599;
  if (!permanent) {
    const busyMailbox = reply.code === 450 && reply.stage === 'rcpt';
    return busyMailbox
      ? { class: 'recipient', scope: 'recipient', rule }
      : { class: 'infrastructure', scope: 'message', rule };
  }
  if (beforeMail(reply)) return { class: 'block', scope: 'ip', rule };
  if (reply.code === 552) {
    return reply.stage === 'rcpt'
      ? { class: 'mailbox-full', scope: 'recipient', rule }
      : { class: 'content', scope: 'message', rule };
  }
  // RFC 7504: the recipient's domain takes no mail at all.
  if ((reply.code === 551 || reply.code === 556) && !beforeRecipient(reply))
    return { class: 'recipient', scope: 'recipient', rule };
  return { class: 'policy', scope: 'message', rule };
}

function beforeRecipient(reply: Reply): boolean {
  return beforeMail(reply) || reply.stage === 'mail';
}

function beforeMail(reply: Reply): boolean {
  return reply.stage === 'connect' || reply.stage === 'ehlo';
}
