/**
 * Probes: copies of live mail that go to seeds. Filters judge content as well as the address, so a made-up test message
 * would measure itself; a probe differs from the mail it copies only in whom it goes to and when.
 */
import { DEFAULTS } from '../policy/defaults.ts';
import type { SeedAccount } from './mailbox.ts';

export interface ProbeHeaders {
  /** The seed's address. */
  readonly to: string;
  /** With angle brackets; unique, for the mailbox is searched by it. */
  readonly messageId: string;
  readonly date: Date;
  /** Fields to add, such as the ones that route the probe through one lane. */
  readonly extra?: Readonly<Record<string, string>>;
}

export interface Probe {
  readonly raw: Buffer;
  readonly messageId: string;
}

/**
 * Fields that must not be copied: who else got the mail (a seed's operator is not their addressee), signatures that no
 * longer hold, traces of another journey, and our own instructions.
 */
const DROPPED =
  /^(cc|bcc|return-path|delivered-to|received|received-spf|authentication-results|dkim-signature|domainkey-signature|(x-rampart|arc|resent)-.*)$/;

/**
 * Copies a live message (raw RFC 5322) for a seed. To, Message-ID and Date are replaced where they stand, for filters
 * look at the order of fields too; Subject, body and List-Unsubscribe stay as they are, byte for byte. Throws a TypeError
 * for a value with a line break.
 */
export function composeProbe(live: Buffer, headers: ProbeHeaders): Probe {
  for (const value of [headers.to, headers.messageId, ...Object.entries(headers.extra ?? {}).flat()]) {
    // A line break would add fields of its own, or end the header.
    if (/[\r\n]/.test(value)) throw new TypeError('a header of a probe holds a line break: take it out');
  }
  const replaced = new Map([
    ['to', `To: ${headers.to}`],
    ['message-id', `Message-ID: ${headers.messageId}`],
    ['date', `Date: ${rfc5322Date(headers.date)}`],
  ]);
  const { fields, body } = split(live);
  const kept: string[] = [];
  for (const field of fields) {
    const name = /^[^\s:]+/.exec(field)?.[0].toLowerCase() ?? '';
    if (DROPPED.test(name)) continue;
    const replacement = replaced.get(name);
    if (replacement !== undefined) {
      kept.push(replacement);
      replaced.set(name, '');
    } else {
      kept.push(field);
    }
  }
  kept.push(...replaced.values());
  for (const [name, value] of Object.entries(headers.extra ?? {})) kept.push(`${name}: ${value}`);

  const head = kept.filter((field) => field !== '').join('\r\n');
  return { raw: Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), body]), messageId: headers.messageId };
}

/**
 * Which seeds of a provider to probe in a window: the same answer for the same input, and a different part of the list
 * window by window, since a provider that sees the same few mailboxes again and again learns them.
 */
export function chooseSeeds(
  accounts: readonly SeedAccount[],
  provider: string,
  count: number,
  window: number,
): SeedAccount[] {
  const own = accounts
    .filter((account) => account.provider === provider)
    .sort((left, right) => (left.address < right.address ? -1 : 1));
  const taken = Math.min(Math.max(0, count), own.length);
  const from = (((window * taken) % own.length) + own.length) % own.length;
  return Array.from({ length: taken }, (_, offset) => own[(from + offset) % own.length]).filter(
    (account) => account !== undefined,
  );
}

/** Probes a lane may send in a window: at most a share of its grant, none while its ceiling is small. */
export function probeBudget(
  grant: number,
  ceiling: number,
  limits: { readonly minCeiling: number; readonly share: number; readonly seeds: number } = DEFAULTS.placement,
): number {
  return ceiling < limits.minCeiling ? 0 : Math.min(limits.seeds, Math.floor(grant * limits.share));
}

/** The same of a lane that probes its way out of quarantine: half of its few messages, for seeds say what a 250 does not. */
export function probingBudget(grant: number, limits: { readonly seeds: number } = DEFAULTS.placement): number {
  return Math.min(limits.seeds, Math.floor(grant / 2));
}

/** Header fields (folded lines kept together, without their line ends) and the body. Latin-1 keeps every byte. */
function split(raw: Buffer): { readonly fields: string[]; readonly body: Buffer } {
  const text = raw.toString('latin1');
  const end = /\r?\n\r?\n/.exec(text);
  const head = end === null ? text : text.slice(0, end.index);
  const body = end === null ? Buffer.alloc(0) : raw.subarray(end.index + end[0].length);
  const fields = head.split(/\r?\n(?![ \t])/).map((field) => field.replace(/\r?\n/g, '\r\n'));
  return { fields, body };
}

/** RFC 5322 §3.3, in UTC; `toUTCString` says GMT, which §4.3 calls obsolete. */
function rfc5322Date(date: Date): string {
  return date.toUTCString().replace(/GMT$/, '+0000');
}
