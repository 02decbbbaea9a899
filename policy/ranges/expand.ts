/**
 * Which addresses a range names: blocks and lists of them, counted out. All that is wrong is told at once, so that nobody
 * mends a line five times.
 */
import { type Block, blockOf, parseV4, textOf } from './block.ts';
import { RANGE } from './defaults.ts';

export interface Expanded {
  /** In the order written, each block ascending; IPv6 as RFC 5952 writes it. */
  readonly addresses: readonly string[];
  /** What is allowed and may surprise. */
  readonly notes: readonly string[];
  /** Empty, or `addresses` can not be used. */
  readonly problems: readonly string[];
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
