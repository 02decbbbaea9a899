/**
 * Control headers: how an application says, with each message, where it belongs and when it may go. They are recorded
 * and stripped. A wrong or unknown one is refused: a misspelt pool must not silently be the default.
 */
import type { Stream } from '../../store/users.ts';
import type { Field } from './headers.ts';
import { RefusedMessage } from './refusal.ts';

export interface Control {
  /** Absent: the caller's default (caller.ts). */
  readonly pool?: string;
  readonly tenant?: string;
  readonly stream?: Stream;
  readonly segment: string;
  readonly campaign: string;
  /** ms before which it is not sent. */
  readonly notBefore?: number;
  /** Absolute ms after which it is given up, or plan ms from its release on. */
  readonly expires?: { readonly at: number } | { readonly after: number };
}

const PREFIX = 'x-rampart-';
const KNOWN = ['Pool', 'Tenant', 'Stream', 'Segment', 'Campaign', 'Not-Before', 'Expires'];
/** Put on by us when a message leaves: a message that comes back in must not keep an old one. */
const OURS = new Set(['trace']);
export const SEGMENTS = ['engaged-30d', '60d', '90d', 'all'] as const;
export const STREAMS = ['marketing', 'transactional'] as const;
const LONGEST_NAME = 128;
/** Mail of this name is left out of evidence and of what is billed: nobody else's may bear it. */
const PROBES = 'probe';
const DAY = 86_400_000;
/** A queue is no archive: nothing waits longer. */
export const FARTHEST_RELEASE = 30 * DAY;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY };

export function isControl(field: Field): boolean {
  return field.name.startsWith(PREFIX);
}

/**
 * Reads the control headers of a message. `now`: ms.
 *
 * @throws RefusedMessage that says what is allowed.
 */
export function readControl(fields: readonly Field[], now: number): Control {
  const given = new Map<string, string>();
  for (const field of fields) {
    if (!isControl(field)) continue;
    const key = field.name.slice(PREFIX.length);
    if (OURS.has(key)) continue;
    const name = KNOWN.find((known) => known.toLowerCase() === key);
    if (name === undefined) throw wrong(`X-Rampart-${key} is not known: use ${KNOWN.join(', ')}`);
    if (given.has(name)) throw wrong(`X-Rampart-${name} is there twice`);
    given.set(name, field.value);
  }
  return controlFrom(given, now);
}

/** The same from values by name (`Pool`, `Not-Before`, …), as the HTTP door has them. */
export function controlFrom(given: ReadonlyMap<string, string>, now: number): Control {
  const pool = nameOf(given, 'Pool');
  const tenant = nameOf(given, 'Tenant');
  const stream = oneOf(given, 'Stream', STREAMS);
  if (given.get('Campaign') === PROBES)
    throw wrong(`X-Rampart-Campaign "${PROBES}" is the name of Rampart's own probes: choose another`);
  const notBefore = given.get('Not-Before');
  const release = notBefore === undefined ? undefined : releaseTime(notBefore, now);
  const expires = given.get('Expires');
  return {
    ...(pool === undefined ? {} : { pool }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(stream === undefined ? {} : { stream }),
    segment: oneOf(given, 'Segment', SEGMENTS) ?? 'all',
    campaign: nameOf(given, 'Campaign', true) ?? '',
    ...(release === undefined ? {} : { notBefore: release }),
    ...(expires === undefined ? {} : { expires: expiry(expires, release ?? now) }),
  };
}

function nameOf(given: ReadonlyMap<string, string>, name: string, mayBeEmpty = false): string | undefined {
  const value = given.get(name);
  if (value === undefined) return undefined;
  if ((value === '' && !mayBeEmpty) || value.length > LONGEST_NAME || /\p{Cc}/u.test(value))
    throw wrong(`X-Rampart-${name} must be 1 to ${LONGEST_NAME} characters, without control characters`);
  return value;
}

function oneOf<T extends string>(
  given: ReadonlyMap<string, string>,
  name: string,
  allowed: readonly T[],
): T | undefined {
  const value = given.get(name);
  if (value === undefined) return undefined;
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw wrong(`X-Rampart-${name} is "${value.slice(0, 40)}": use ${allowed.join(', ')}`);
  return found;
}

function releaseTime(value: string, now: number): number {
  const at = dateOf(value);
  if (at === undefined || at > now + FARTHEST_RELEASE)
    throw wrong('X-Rampart-Not-Before must be a date such as 2026-05-01T08:00:00Z, at most 30 days ahead');
  return at;
}

function expiry(value: string, release: number): { at: number } | { after: number } {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(value) ?? [];
  if (count !== undefined) {
    const after = Number(count) * (UNITS[unit ?? ''] ?? 0);
    if (after > 0 && after <= FARTHEST_RELEASE) return { after };
  } else {
    const at = dateOf(value);
    if (at !== undefined && at > release && at <= release + FARTHEST_RELEASE) return { at };
  }
  throw wrong(
    'X-Rampart-Expires must be a time such as 90m, 12h or 3d, or a date; after the release, and at most 30 days after it',
  );
}

/** A date with a time zone: without one it would be ours, which the sender does not know. */
function dateOf(value: string): number | undefined {
  const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.test(value);
  const rfc5322 = /^([A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d(:\d\d)? ([+-]\d{4}|GMT|UTC)$/.test(value);
  const at = zoned || rfc5322 ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

function wrong(text: string): RefusedMessage {
  return new RefusedMessage(550, `5.6.0 ${text.replace(/[^ -~]/g, '?')}`);
}
