/**
 * Failures that a record names in a word of its own, where it has no reply we could read: PowerMTA's bounce categories
 * (user's guide 5.0, 11.2), KumoMTA's classes, sub-types of SES and SendGrid.
 */
import type { ReplyClass, ReplyScope } from '../../policy/replies.ts';

export interface CategoryReading {
  readonly kind: 'hard' | 'soft' | 'blocked';
  readonly class: ReplyClass;
  readonly scope: ReplyScope;
  readonly rule: string;
}

type Row = readonly [kind: CategoryReading['kind'], reads: ReplyClass, scope: ReplyScope];

const HARD: Row = ['hard', 'recipient', 'recipient'];
const FULL: Row = ['soft', 'mailbox-full', 'recipient'];
const BLOCKED: Row = ['blocked', 'block', 'ip'];
const CONTENT: Row = ['soft', 'content', 'message'];
const POLICY: Row = ['soft', 'policy', 'message'];
const NETWORK: Row = ['soft', 'infrastructure', 'message'];

const ROWS: Readonly<Record<string, Row>> = {
  // PowerMTA
  'bad-mailbox': HARD,
  'inactive-mailbox': HARD,
  'bad-domain': HARD,
  'quota-issues': FULL,
  'spam-related': BLOCKED,
  'content-related': CONTENT,
  'virus-related': CONTENT,
  'policy-related': POLICY,
  'relaying-issues': POLICY,
  'invalid-sender': POLICY,
  'bad-connection': NETWORK,
  'no-answer-from-host': NETWORK,
  'routing-errors': NETWORK,
  'bad-configuration': NETWORK,
  'protocol-errors': NETWORK,
  // KumoMTA (crates/bounce-classify)
  invalidrecipient: HARD,
  inactivemailbox: HARD,
  baddomain: HARD,
  quotaissues: FULL,
  spamblock: BLOCKED,
  spamrelated: BLOCKED,
  spamcontent: CONTENT,
  contentrelated: CONTENT,
  prohibitedattachment: CONTENT,
  virusrelated: CONTENT,
  authenticationfailed: ['soft', 'auth', 'domain'],
  badconnection: NETWORK,
  noanswerfromhost: NETWORK,
  dnsfailure: NETWORK,
  // SES: bounceType/bounceSubType
  'permanent/general': HARD,
  'permanent/noemail': HARD,
  'transient/mailboxfull': FULL,
  'transient/messagetoolarge': CONTENT,
  'transient/contentrejected': CONTENT,
  'transient/attachmentrejected': CONTENT,
  // SendGrid: bounce_classification
  'invalid address': HARD,
  'mailbox unavailable': FULL,
  reputation: BLOCKED,
  content: CONTENT,
  technical: NETWORK,
  'frequency or volume too high': ['soft', 'throttle', 'ip'],
};

/** What a category says; one that says nothing certain blames nobody. */
export function byCategory(category: string): CategoryReading {
  const name = category.toLowerCase();
  const [kind, reads, scope] = Object.hasOwn(ROWS, name) ? (ROWS[name] as Row) : POLICY;
  return { kind, class: reads, scope, rule: name === '' ? 'no-reply' : `category-${name}` };
}
