/**
 * What a person may write for a range of addresses, and which addresses that is: single ones, CIDR blocks (RFC 4632,
 * RFC 4291 §2.3), `from-to`, and lists of these. All that is wrong is told at once, so that nobody mends a line five times.
 */
import { RANGE } from './defaults.ts';

export interface Expanded {
  /** In the order written, each block ascending; IPv6 as RFC 5952 writes it. */
  readonly addresses: readonly string[];
  /** What is allowed and may surprise. */
  readonly notes: readonly string[];
  /** Empty, or `addresses` can not be used. */
  readonly problems: readonly string[];
}

interface Block {
  readonly first: bigint;
  readonly last: bigint;
  readonly family: 4 | 6;
  /** Prefix length of a block written as CIDR. */
  readonly prefix?: number;
}

/** Addresses of `198.51.100.8/29`, `198.51.100.8-198.51.100.15`, `198.51.100.8-15`, or a list of these with commas. */
export function expandRange(written: string, most: number = RANGE.mostAddresses): Expanded {
  const addresses: string[] = [];
  const notes: string[] = [];
  const problems: string[] = [];
  const twice = new Set<string>();
  let total = 0n;
  const parts = written.split(/[\s,]+/).filter((part) => part !== '');
  if (parts.length === 0) problems.push('no address is named: write one like 198.51.100.8, or 198.51.100.8/29');
  for (const part of parts) {
    const block = blockOf(part);
    if (typeof block === 'string') {
      problems.push(block);
      continue;
    }
    const count = block.last - block.first + 1n;
    total += count;
    if (total > BigInt(most)) continue;
    for (let at = block.first; at <= block.last; at++) {
      const address = textOf(at, block.family);
      if (addresses.includes(address)) twice.add(address);
      else addresses.push(address);
    }
    if (block.family === 4 && block.prefix !== undefined && block.prefix <= 30)
      notes.push(
        `${textOf(block.first, 4)} and ${textOf(block.last, 4)} are network and broadcast address where ${part} is a subnet of its own`,
      );
  }
  if (total > BigInt(most))
    problems.push(`${written} has ${total} addresses, at most ${most} at a time: name a smaller block`);
  if (twice.size > 0) problems.push(`named twice: ${[...twice].join(', ')}`);
  return { addresses, notes, problems };
}

/** Does this name more than one address, or one as a block? */
export function isRange(written: string): boolean {
  return /[/,\s]/.test(written.trim()) || /^[\da-f.:]+-[\da-f.:]+$/i.test(written.trim());
}

/** Is the address one the world can see? Mail from any other leaves by another address (RFC 1918, RFC 6598, RFC 6890). */
export function isPublic(address: string): boolean {
  const v4 = parseV4(address);
  if (v4 === undefined) return !/^(::1?$|f[cd]|fe[89ab])/i.test(address);
  return !PRIVATE.some((block) => {
    const { first, last } = blockOf(block) as Block;
    return v4 >= first && v4 <= last;
  });
}

const PRIVATE = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
];

/** The block a part names, or what is wrong with it. */
function blockOf(part: string): Block | string {
  const [base = '', prefix] = part.split('/', 2);
  if (prefix !== undefined) return cidr(part, base, prefix);
  const dash = part.indexOf('-');
  if (dash !== -1) return span(part, part.slice(0, dash), part.slice(dash + 1));
  const one = numberOf(part);
  if (one === undefined) return `"${part}" is no IP address: write it like 198.51.100.8 or 198.51.100.8/29`;
  return { first: one.value, last: one.value, family: one.family };
}

function cidr(part: string, base: string, prefix: string): Block | string {
  const from = numberOf(base);
  const bits = from?.family === 6 ? 128 : 32;
  if (from === undefined || !/^\d{1,3}$/.test(prefix) || Number(prefix) > bits)
    return `"${part}" is no block: write it like 198.51.100.8/29`;
  const size = 1n << BigInt(bits - Number(prefix));
  const first = (from.value / size) * size;
  if (first !== from.value) {
    const whole = `${textOf(first, from.family)}/${prefix}`;
    return `"${part}" begins inside a block: write ${whole}, or ${part.split('/')[0]} alone`;
  }
  return { first, last: first + size - 1n, family: from.family, prefix: Number(prefix) };
}

function span(part: string, from: string, to: string): Block | string {
  const first = numberOf(from);
  // `198.51.100.8-15`: only the last number changes.
  const short = first?.family === 4 && /^\d{1,3}$/.test(to) ? `${from.slice(0, from.lastIndexOf('.') + 1)}${to}` : to;
  const last = numberOf(short);
  if (first === undefined || last === undefined || first.family !== last.family)
    return `"${part}" is no range: write it like 198.51.100.8-198.51.100.15`;
  if (last.value < first.value) return `"${part}" ends before it begins: write ${to}-${from}`;
  return { first: first.value, last: last.value, family: first.family };
}

function numberOf(text: string): { readonly value: bigint; readonly family: 4 | 6 } | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { value: v4, family: 4 };
  const v6 = text.includes(':') ? parseV6(text) : undefined;
  return v6 === undefined ? undefined : { value: v6, family: 6 };
}

/** Four decimal numbers without leading zeros: 010 is eight to some readers and ten to others. */
function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((value, part) => value * 256n + BigInt(part), 0n);
}

/** The URL parser knows every way to write IPv6 and writes it in one (WHATWG URL, as RFC 5952). */
function parseV6(text: string): bigint | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  const [head = '', tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...gap, ...right].reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n);
}

function textOf(value: bigint, family: 4 | 6): string {
  const [size, count] = family === 4 ? [256n, 4] : [65_536n, 8];
  const parts = Array.from({ length: count }, (_, at) => (value / size ** BigInt(count - 1 - at)) % size);
  if (family === 4) return parts.join('.');
  return new URL(`http://[${parts.map((part) => part.toString(16)).join(':')}]/`).hostname.slice(1, -1);
}
