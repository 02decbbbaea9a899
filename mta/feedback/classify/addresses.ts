/** Mail addresses in the fields and the prose of reports. */

/**
 * An address as reports write it. Looked for from its "@" and bounded on both sides of it, so that the search costs the
 * length of the text and no more. Letters of any script: local parts (RFC 6531) and masked domains of published samples
 * have them.
 */
const ADDRESS = /(?<=([\p{L}\p{N}!#$%&'*+/=?^_`{}~.-]{1,128}))@[\p{L}\p{N}](?:[\p{L}\p{N}._-]{0,253}[\p{L}\p{N}])?/gu;
const QUOTED = /^"[^"\n]{1,64}"@[\p{L}\p{N}.-]{1,253}$/u;

/** All addresses of a line, with where they begin. */
export function addressesIn(line: string): { readonly address: string; readonly at: number; readonly end: number }[] {
  if (!line.includes('@')) return [];
  const found = [];
  let end = 0;
  for (const match of line.matchAll(ADDRESS)) {
    const from = Math.max(match.index - (match[1] ?? '').length, end);
    if (from === match.index) continue;
    end = match.index + match[0].length;
    const text = line.slice(from, end);
    // Quotes and bullets that cling to it, and X.400's `dda:SMTP=user@…`; a VERP address keeps its own "=".
    const lead = /^(?:['`*/!.]{1,20}|(?:smtp|rfc822|address|e?mail|rcpt|recipient|to)=)/i.exec(text)?.[0].length ?? 0;
    const address = text.slice(lead);
    if (!address.startsWith('@')) found.push({ address, at: from + lead, end });
  }
  return found;
}

/** The addresses of a header such as To or Cc, in order; groups and comments are skipped. */
export function addressList(value: string): string[] {
  const bracketed = [...value.matchAll(/<([^<>\s]{1,320}@[^<>\s]{1,255})>/g)].map((found) => found[1] ?? '');
  const bare = value
    .replace(/"[^"]{0,200}"/g, ' ')
    .replace(/<[^<>]{0,600}>/g, ' ')
    .split(/[,;]/)
    .flatMap((piece) => addressesIn(piece).slice(0, 1))
    .map(({ address }) => address);
  return [...new Set([...bracketed, ...bare])].filter(isAddress);
}

/**
 * The address of a DSN field: `rfc822; <a@b>`, with or without type, brackets, name or xtext (RFC 3461 §4: `+2B`).
 * Undefined where it names no mailbox (a pipe, a file, an X.400 name).
 */
export function addressOf(value: string): string | undefined {
  const typed = /^\s{0,20}([\w-]{1,40})\s{0,20};(.*)$/s.exec(value);
  const type = typed?.[1]?.toLowerCase() ?? 'rfc822';
  const text = (typed?.[2] ?? value).trim();
  if (type === 'x400' || type === 'x-unix') return undefined;
  // An LMTP socket in route form (`@store.example.lmtp:24@daemon`) is a way to a mailbox, not its name.
  if (/^<?@[^:\s]{1,255}:[^@\s]{1,64}@[\w-]{1,63}>?$/.test(text)) return undefined;
  const inner = /<([^<>]{1,600})>/.exec(text)?.[1]?.trim() ?? text;
  const bare = inner
    .replace(/^mailto:/i, '')
    .replace(/^@[^:\s]{1,255}:/, '')
    .replace(/[.,;:]{1,3}$/, '');
  // Only Original-Recipient is xtext by the standard; with an "@" in it the text may as well be a plain address.
  const plain = fromUnicodeXtext(bare);
  const decoded = plain.includes('+40') && !plain.includes('@') ? fromXtext(plain) : plain;
  if (QUOTED.test(decoded)) return decoded;
  const [first] = addressesIn(decoded);
  return first !== undefined && isAddress(first.address) ? first.address : undefined;
}

export function sameAddress(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function fromXtext(text: string): string {
  return text.replace(/\+([\dA-F]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** RFC 6533 §3: `\x{FC}` stands for a letter outside of ASCII, in addresses of type utf-8. */
function fromUnicodeXtext(text: string): string {
  return text.replace(/\\x\{([\dA-F]{2,6})\}/gi, (all, hex: string) => {
    const point = Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : all;
  });
}

function isAddress(text: string): boolean {
  return text.length <= 320 && text.indexOf('@') > 0 && !text.endsWith('@');
}
