/**
 * Which addresses a command is about: one grammar for all of them.
 *
 *   198.51.100.8                  an address (IPv6 too)
 *   198.51.100.8/29               a range as a prefix
 *   198.51.100.8-198.51.100.11    a range by its first and last; 198.51.100.8-11 for short
 *   pool:marketing                every address of a pool
 *
 * Several may be given. They choose among known addresses, so a range is never counted out.
 */

export type Target =
  | { readonly kind: 'range'; readonly text: string; readonly from: bigint; readonly to: bigint; readonly v6: boolean }
  | { readonly kind: 'pool'; readonly text: string; readonly pool: string };

/** What is wrong with a target, in words. */
export class TargetError extends Error {
  readonly code = 'bad-target';
}

const EXAMPLES = '198.51.100.8, 198.51.100.8/29, 198.51.100.8-11 or pool:marketing';

/** Reads targets as people write them, separated by commas or given one by one; throws TargetError. */
export function parseTargets(words: readonly string[]): Target[] {
  return words
    .flatMap((word) => word.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .map(parseTarget);
}

function parseTarget(text: string): Target {
  if (text.startsWith('pool:')) {
    const pool = text.slice('pool:'.length);
    if (pool === '') throw new TargetError(`"${text}" names no pool: write pool:marketing`);
    return { kind: 'pool', text, pool };
  }
  const [base = '', prefix, ...more] = text.split('/');
  if (prefix !== undefined) return parsePrefix(text, base, more.length > 0 ? '' : prefix);
  const dash = text.indexOf('-');
  if (dash > 0 && ipValue(text.slice(0, dash)) !== undefined)
    return parseSpan(text, text.slice(0, dash), text.slice(dash + 1));
  const value = ipValue(text);
  if (value === undefined) throw new TargetError(`"${text}" is no address, range or pool: write ${EXAMPLES}`);
  return { kind: 'range', text, from: value, to: value, v6: text.includes(':') };
}

function parsePrefix(text: string, base: string, prefix: string): Target {
  const value = ipValue(base);
  const v6 = base.includes(':');
  const bits = v6 ? 128 : 32;
  const length = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (value === undefined || !(length <= bits))
    throw new TargetError(
      `"${text}" is no range: write an address and a length of at most ${bits}, as 198.51.100.8/29`,
    );
  const size = 1n << BigInt(bits - length);
  if (value % size !== 0n)
    throw new TargetError(
      `"${text}" does not begin its range: the /${length} is ${ipText(value - (value % size), v6)}/${length}`,
    );
  return { kind: 'range', text, from: value, to: value + size - 1n, v6 };
}

function parseSpan(text: string, first: string, last: string): Target {
  const from = ipValue(first) ?? 0n;
  const v6 = first.includes(':');
  const short = !v6 && /^\d{1,3}$/.test(last);
  const to = ipValue(short ? `${first.slice(0, first.lastIndexOf('.'))}.${last}` : last);
  if (to === undefined || last.includes(':') !== v6)
    throw new TargetError(`"${text}" is no range: write 198.51.100.8-198.51.100.11 or 198.51.100.8-11`);
  if (to < from) throw new TargetError(`"${text}" ends before it begins`);
  return { kind: 'range', text, from, to, v6 };
}

/** Does a target choose this address of this pool? */
export function targets(target: Target, address: string, pool: string): boolean {
  if (target.kind === 'pool') return target.pool === pool;
  const value = ipValue(address);
  return value !== undefined && address.includes(':') === target.v6 && value >= target.from && value <= target.to;
}

/** An address as a number; undefined for what is none. No leading zeros: some read them as octal. */
function ipValue(text: string): bigint | undefined {
  if (text.includes(':')) return ipv6Value(text);
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function ipv6Value(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const given = groups.flat();
  if (!given.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  const missing = 8 - given.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const [left = [], right = []] = groups;
  const whole = [...left, ...Array.from({ length: missing }, () => '0'), ...right];
  return whole.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
}

function ipText(value: bigint, v6: boolean): string {
  if (!v6) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, n) => ((value >> BigInt(112 - 16 * n)) & 65_535n).toString(16));
  return groups.join(':');
}
