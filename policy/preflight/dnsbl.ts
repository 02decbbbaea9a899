/**
 * DNS lists (RFC 5782). A list answers A queries for the reversed address with something in 127.0.0.0/8. Two things must not
 * be taken for a listing: a list that is dead or lists everything (§5: 127.0.0.2 must be listed and 127.0.0.1 must not), and a
 * list that refuses the resolver that asks: Spamhaus says so with 127.255.255.252, .254 and .255
 * (spamhaus.org, "DNSBL return codes"), which careless software counts as "listed".
 */
import { type Check, fail, type Lookup, pass, warn } from './check.ts';

export interface Dnsbl {
  readonly zone: string;
  /** What a listing means: providers refuse (`fail`), or some do (`warn`). */
  readonly listed: 'fail' | 'warn';
}

/** Spamhaus is asked by most large providers; the others by many small ones (docs/ranges.md has the sources). */
export const DNSBLS: readonly Dnsbl[] = [
  { zone: 'zen.spamhaus.org', listed: 'fail' },
  { zone: 'b.barracudacentral.org', listed: 'warn' },
  { zone: 'bl.spamcop.net', listed: 'warn' },
];

export interface DnsblFound {
  readonly address: string;
  readonly list: Dnsbl;
  readonly entry: Lookup;
  /** Of 127.0.0.2, and of 127.0.0.1. */
  readonly mustBe: Lookup;
  readonly mustNotBe: Lookup;
}

/** Name under which an IPv4 address stands in a list, or in any zone that is kept by reversed addresses (RFC 5782 §2.1). */
export function reversedName(address: string, zone: string): string {
  return `${address.split('.').reverse().join('.')}.${zone}`;
}

/** What a list says of an address: `unknown` is no answer, whatever DNS returned, and must not be taken for one. */
export type Listing =
  | { readonly kind: 'listed'; readonly codes: readonly string[] }
  | { readonly kind: 'clear' }
  | { readonly kind: 'unknown'; readonly why: string; readonly todo: string };

/** Reads what DNS returned for an entry and the two test entries (RFC 5782 §2.1, §5). */
export function listingOf({ entry, mustBe, mustNotBe }: Omit<DnsblFound, 'address' | 'list'>): Listing {
  const unknown = (why: string, todo: string): Listing => ({ kind: 'unknown', why, todo });
  const refused = [entry, mustBe, mustNotBe].flatMap(valuesOf).find((value) => REFUSALS[value] !== undefined);
  if (refused !== undefined)
    return unknown(
      `your resolver is refused (${refused}: ${REFUSALS[refused]}): this is no listing`,
      'name a resolver of your own in mta.resolvers, or your list key in preflight.dnsbls',
    );
  const dead = [entry, mustBe].find((lookup) => lookup.kind === 'failed');
  if (dead?.kind === 'failed')
    return unknown(`the list did not answer: ${dead.why}`, 'try again, or ask the list by its web page');
  if (mustBe.kind !== 'found')
    return unknown(
      'the list does not work: its test entry 127.0.0.2 is not listed (RFC 5782 §5)',
      'take it out of preflight.dnsbls',
    );
  if (mustNotBe.kind === 'found')
    return unknown(
      'the list does not work: it lists 127.0.0.1, so everything (RFC 5782 §5)',
      'take it out of preflight.dnsbls',
    );
  if (entry.kind !== 'found') return { kind: 'clear' };
  const codes = entry.values.filter((value) => value.startsWith('127.'));
  if (codes.length === 0)
    return unknown(
      `the answer ${entry.values.join(', ')} is not of a list (RFC 5782 §2.1): somebody rewrites DNS answers`,
      'name another resolver in mta.resolvers',
    );
  return { kind: 'listed', codes };
}

export function judgeDnsbl({ address, list, ...found }: DnsblFound): Check {
  const { zone } = list;
  const about = `${address} in ${zone}`;
  const listing = listingOf(found);
  if (listing.kind === 'unknown') return warn('dnsbl', about, listing.why, listing.todo);
  if (listing.kind === 'clear') return pass('dnsbl', about, 'not listed');
  const { codes } = listing;
  const says = `listed (${codes.map((code) => codeText(zone, code)).join(', ')})`;
  const todo = codes.every((code) => isPolicyCode(zone, code))
    ? 'it is in a list of addresses that should not send: remove it at check.spamhaus.org, as its owner'
    : `have it removed by the list (${zone}), or start with other addresses of the range`;
  return list.listed === 'fail' ? fail('dnsbl', about, says, todo) : warn('dnsbl', about, says, todo);
}

/** Spamhaus's PBL: a list of addresses that should not send, and no fault of the mail. */
export function isPolicyCode(zone: string, code: string): boolean {
  return isSpamhaus(zone) && POLICY_CODES.includes(code);
}

/** Spamhaus: errors, not listings. */
const REFUSALS: Readonly<Record<string, string>> = {
  '127.255.255.252': 'the zone name is misspelt',
  '127.255.255.254': 'asked through a public or generic resolver',
  '127.255.255.255': 'too many queries',
};

/** PBL: end-user space by its owner's or by Spamhaus's word. */
const POLICY_CODES = ['127.0.0.10', '127.0.0.11'];

const ZEN: Readonly<Record<string, string>> = {
  '127.0.0.2': 'SBL',
  '127.0.0.3': 'SBL CSS',
  '127.0.0.4': 'XBL',
  '127.0.0.9': 'DROP',
  '127.0.0.10': 'PBL',
  '127.0.0.11': 'PBL',
};

/** Their public mirrors, and those with a customer's key (`<key>.zen.dq.spamhaus.net`). */
export function isSpamhaus(zone: string): boolean {
  return /(^|\.)spamhaus\.(org|net)$/.test(zone);
}

/** A return code with the list's own name for it, where it has one. */
export function codeText(zone: string, code: string): string {
  const name = isSpamhaus(zone) ? ZEN[code] : undefined;
  return name === undefined ? code : `${code}, ${name}`;
}

function valuesOf(lookup: Lookup): readonly string[] {
  return lookup.kind === 'found' ? lookup.values : [];
}
