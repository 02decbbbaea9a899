/**
 * The machine-readable part of a DSN (RFC 3464 §2, RFC 6533): a group of fields about the message, then one per
 * recipient. Read tolerantly: blank lines in the middle of a group, groups that run together, fields in any order.
 */
import { addressOf } from './addresses.ts';
import { decodeBytes } from './decode.ts';

export type Action = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';

export interface StatusGroup {
  readonly finalRecipient: string | null;
  readonly originalRecipient: string | null;
  /** As written, where it names no mailbox. */
  readonly rawRecipient: string | null;
  readonly action: Action | null;
  /** `5.1.1`, or null where the field is missing or unreadable. */
  readonly status: string | null;
  /** The diagnostic without its type ("smtp;"). */
  readonly diagnostic: string | null;
  readonly remoteMta: string | null;
}

const MAX_GROUPS = 2_000;
const PER_RECIPIENT =
  /^(final-recipient|original-recipient|x-actual-recipient|action|status|diagnostic-code|remote-mta|final-log-id|last-attempt-date|will-retry-until|x-display-name|x-supplementary-info)$/;

/** Does this text hold status fields? For parts that come under a wrong type, and for reports without parts. */
export function looksLikeStatus(text: string): boolean {
  return (
    /^(final|original)-recipient[ \t]{0,5}:/im.test(text) && /^(action|status|diagnostic-code)[ \t]{0,5}:/im.test(text)
  );
}

/** One group per recipient, in order. */
export function readDeliveryStatus(text: string): StatusGroup[] {
  const groups: Map<string, string>[] = [];
  let current = new Map<string, string>();
  let name: string | undefined;
  let fresh = true;
  for (const line of text.split('\n')) {
    if (groups.length > MAX_GROUPS) break;
    if (line.trim() === '') {
      fresh = true;
      name = undefined;
      continue;
    }
    const field = /^[ \t]{0,3}([A-Za-z][\w-]{2,40})[ \t]{0,5}:[ \t]*(.*)$/.exec(line.slice(0, 8_000));
    // A continuation is indented, or has lost its indent; "smtp; 550 …" often has.
    if (name !== undefined && (/^[ \t]/.test(line) || field === null)) {
      const value = current.get(name) ?? '';
      if (value.length < 8_000) current.set(name, `${value} ${line.trim()}`.trim());
      continue;
    }
    if (field === null) continue;
    name = (field[1] ?? '').toLowerCase();
    const startsNext = isRecipientField(name) ? current.has(name) || (fresh && hasRecipient(current)) : false;
    if (startsNext || (fresh && hasRecipient(current) && current.has(name))) {
      groups.push(current);
      current = new Map();
    }
    fresh = false;
    if (PER_RECIPIENT.test(name) && !current.has(name)) current.set(name, (field[2] ?? '').trim());
  }
  groups.push(current);
  return groups
    .filter((group) => hasRecipient(group) || group.has('action') || group.has('diagnostic-code'))
    .map(readGroup);
}

function isRecipientField(name: string): boolean {
  return name === 'final-recipient' || name === 'original-recipient';
}

function hasRecipient(group: ReadonlyMap<string, string>): boolean {
  return group.has('final-recipient') || group.has('original-recipient');
}

function readGroup(group: ReadonlyMap<string, string>): StatusGroup {
  const final = group.get('final-recipient') ?? '';
  const original = group.get('original-recipient') ?? '';
  const status = /\b([245])\.(\d{1,3})\.(\d{1,3})\b/.exec(group.get('status') ?? '');
  const action = actionOf(group.get('action') ?? '');
  return {
    finalRecipient: addressOf(decodeBytes(final)) ?? null,
    originalRecipient: addressOf(decodeBytes(original)) ?? null,
    rawRecipient: (final || original).replace(/^\s{0,20}[\w-]{1,40}\s{0,20};/, '').trim() || null,
    action: action ?? (status === null ? null : byDigit(status[1])),
    status: status === null ? null : status[0],
    diagnostic: diagnosticOf(decodeBytes(group.get('diagnostic-code') ?? '')),
    remoteMta:
      /(?:^|;)\s{0,20}([\w.-]{1,255})/.exec((group.get('remote-mta') ?? '').replace(/^[\w-]{1,20};/, ''))?.[1] ?? null,
  };
}

/** The five of RFC 3464 §2.3.3, and the words some write instead. */
function actionOf(value: string): Action | undefined {
  const word = /[a-z]+/.exec(value.toLowerCase())?.[0] ?? '';
  if (/^(fail|error|expired|reject|bounce|undeliver)/.test(word)) return 'failed';
  if (/^(delay|defer|temp|queue)/.test(word)) return 'delayed';
  if (/^(deliver|success)/.test(word)) return 'delivered';
  if (word.startsWith('relay')) return 'relayed';
  if (word.startsWith('expand')) return 'expanded';
  return undefined;
}

function byDigit(digit: string | undefined): Action {
  return digit === '2' ? 'delivered' : digit === '4' ? 'delayed' : 'failed';
}

function diagnosticOf(value: string): string | null {
  const text = value
    .replace(/^\s{0,20}(?:smtp|x-[\w-]{1,40}|dns|lmtp|unix|mapi|notes|dsn)\s{0,20};/i, '')
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? null : text.slice(0, 4_000);
}
