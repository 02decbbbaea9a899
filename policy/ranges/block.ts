/**
 * A block of addresses as people write it: a single one, CIDR (RFC 4632, RFC 4291 §2.3), or `from-to`, where the last number
 * alone will do.
 */

export interface Block {
  readonly first: bigint;
  readonly last: bigint;
  readonly family: 4 | 6;
  /** Prefix length of a block written as CIDR. */
  readonly prefix?: number;
}

/** The block a part names, or what is wrong with it. */
export function blockOf(part: string): Block | string {
  const slash = part.indexOf('/');
  if (slash !== -1) return cidr(part, part.slice(0, slash), part.slice(slash + 1));
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
    return `"${part}" is no block: write an address and a length of at most ${bits}, like 198.51.100.8/29`;
  const size = 1n << BigInt(bits - Number(prefix));
  const first = (from.value / size) * size;
  if (first !== from.value) {
    const whole = `${textOf(first, from.family)}/${prefix}`;
    return `"${part}" begins inside a block: write ${whole}, or ${base} alone`;
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
  if (last.value < first.value)
    return `"${part}" ends before it begins: write ${textOf(last.value, last.family)}-${textOf(first.value, first.family)}`;
  return { first: first.value, last: last.value, family: first.family };
}

/** An address as a number with its family; undefined for what is none. */
export function numberOf(text: string): { readonly value: bigint; readonly family: 4 | 6 } | undefined {
  const v4 = parseV4(text);
  if (v4 !== undefined) return { value: v4, family: 4 };
  const v6 = text.includes(':') ? parseV6(text) : undefined;
  return v6 === undefined ? undefined : { value: v6, family: 6 };
}

/** Four decimal numbers without leading zeros: 010 is eight to some readers and ten to others. */
export function parseV4(text: string): bigint | undefined {
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

/** The address of a number; IPv6 as RFC 5952 writes it. */
export function textOf(value: bigint, family: 4 | 6): string {
  const [size, count] = family === 4 ? [256n, 4] : [65_536n, 8];
  const parts = Array.from({ length: count }, (_, at) => (value / size ** BigInt(count - 1 - at)) % size);
  if (family === 4) return parts.join('.');
  return new URL(`http://[${parts.map((part) => part.toString(16)).join(':')}]/`).hostname.slice(1, -1);
}
