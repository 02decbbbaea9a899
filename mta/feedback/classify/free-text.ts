/**
 * Reports in prose: qmail, Exim, Postfix without a report part, Exchange 5.5, Notes, carriers, and whatever was written
 * in between. One reader for all: instead of a parser for each program it knows how people and programs lay such a
 * report out (an announcement, then addresses with what was said about them, then the returned message) and takes the
 * strongest kind of evidence that is there.
 */
import { addressesIn, sameAddress } from './addresses.ts';
import { type AddressKind, kindOf } from './line-kinds.ts';
import { RETURNED, saysFailed } from './phrases.ts';

export interface Finding {
  readonly recipient: string;
  /** What was said about it, on one line, or null. */
  readonly reply: string | null;
}

const MAX_LINES = 3_000;
const MAX_LINE = 2_000;
const MAX_FINDINGS = 2_000;
const MAX_REPLY = 1_000;
const HEADER_LINE =
  /^(received|return-path|message-id|mime-version|date|from|to|subject|delivered-to|dkim-signature|content-type|reply-to|sender|cc|x-[\w-]{1,40}|arc-[\w-]{1,30}|authentication-results)[ \t]?:/i;

/** Splits a report's text into what it says and the message it returns. */
export function splitReturned(text: string): { readonly lines: string[]; readonly returned: string } {
  const lines = text.split('\n', MAX_LINES).map((line) => line.slice(0, MAX_LINE).trimEnd());
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    const marked = at > 0 && RETURNED.test(line) && !/addressed|original message was received/i.test(line);
    if (marked || startsHeader(lines, at)) {
      return { lines: lines.slice(0, at), returned: headerAfter(lines, at) };
    }
  }
  return { lines, returned: '' };
}

/** A run of header lines at the left margin, one of them Received or the three that every message has. */
function startsHeader(lines: readonly string[], at: number): boolean {
  if (!HEADER_LINE.test(lines[at] ?? '')) return false;
  const names = new Set<string>();
  for (let next = at; next < Math.min(lines.length, at + 40); next += 1) {
    const line = lines[next] ?? '';
    if (line === '') break;
    const name = HEADER_LINE.exec(line)?.[1]?.toLowerCase();
    if (name !== undefined) names.add(name);
    else if (!/^[ \t]/.test(line)) break;
  }
  if (names.size < 3) return false;
  return names.has('received') || names.has('message-id') || names.has('mime-version') || names.has('return-path');
}

/** The returned header block: behind the marker there may be rules, blank lines and a comment before it. */
function headerAfter(lines: readonly string[], at: number): string {
  for (let from = at; from < Math.min(lines.length, at + 15); from += 1) {
    if (HEADER_LINE.test((lines[from] ?? '').trim()) && /^[\w-]{1,60}[ \t]?:/.test((lines[from] ?? '').trim())) {
      const indent = /^\s*/.exec(lines[from] ?? '')?.[0] ?? '';
      return lines
        .slice(from)
        .map((line) => (indent !== '' && line.startsWith(indent) ? line.slice(indent.length) : line))
        .join('\n');
    }
  }
  return '';
}

interface Candidate extends Finding {
  readonly kind: AddressKind;
  readonly line: number;
}

export interface Known {
  /** Whom the original was written to, as far as it tells. */
  readonly recipients: readonly string[];
  /** Its senders and the report's own addresses: never failed recipients, unless nothing else is left. */
  readonly others: readonly string[];
}

/** The failed recipients of a report, each with what was said about it. */
export function findRecipients(lines: readonly string[], known: Known): Finding[] {
  const from = announcedAt(lines);
  const every = candidates(lines);
  const all = every.filter((one) => mayBeRecipient(one, known));
  const below = all.filter(({ line }) => line >= from);
  const found = chosenFrom(below, known, lines);
  if (found.length > 0) return merge(found, lines);
  // An announcement, and behind it one address and no more: nothing else can be meant.
  const addresses = new Set(below.map(({ recipient }) => recipient.toLowerCase()));
  if (from > 0 && addresses.size === 1) return merge(below, lines);
  const anywhere = chosenFrom(all, known, lines);
  if (anywhere.length > 0 || known.recipients.length > 0) return merge(anywhere, lines);
  // Somebody who wrote to himself: where a report lists nobody else, and returns nothing that says otherwise.
  return merge(
    every.filter(({ line, kind, recipient }) => line >= from && kind === 'block' && !isRole(recipient)),
    lines,
  );
}

/** The candidates of the strongest kind there is. */
function chosenFrom(all: readonly Candidate[], known: Known, lines: readonly string[]): readonly Candidate[] {
  for (const kind of KINDS) {
    const ofKind = all.filter((one) => one.kind === kind);
    // Prose names many addresses (whom to ask, who wrote): one that the original was sent to is the one that failed.
    const trusted = kind === 'block' || kind === 'command' ? ofKind : preferKnown(ofKind, known);
    if (kind !== 'prose' || trusted.some((one) => isKnown(one, known))) {
      if (trusted.length > 0) return trusted;
      continue;
    }
    // An address nobody has heard of counts only where its own sentence says that it failed.
    const chosen = trusted.find(({ line }) => saysFailed(`${lines[line - 1] ?? ''} ${lines[line] ?? ''}`));
    if (chosen !== undefined) return [chosen];
  }
  return [];
}

const KINDS: readonly AddressKind[] = ['block', 'command', 'label', 'alias', 'prose'];

function isKnown({ recipient }: Finding, known: Known): boolean {
  return known.recipients.some((one) => sameAddress(one, recipient));
}

function mayBeRecipient(one: Finding, known: Known): boolean {
  return (
    isKnown(one, known) || !(known.others.some((other) => sameAddress(other, one.recipient)) || isRole(one.recipient))
  );
}

function preferKnown(found: readonly Candidate[], known: Known): readonly Candidate[] {
  const some = found.filter((one) => isKnown(one, known));
  return some.length > 0 ? some : found;
}

/** The line that announces the failure; what stands above it is about the report itself. */
function announcedAt(lines: readonly string[]): number {
  const at = lines.findIndex((line) => saysFailed(line));
  if (at <= 0) return 0;
  // The address may stand above the announcement ("<user@…>\n\nwas rejected"): then the whole text counts.
  return lines.slice(at).some((line) => line.includes('@')) ? at : 0;
}

const ROLE =
  /^(post_?master|mailer-?daemon|mail-?daemon|abuse|no-?reply|do-?not-?reply|help-?desk|support|sysadmin|hostmaster|webmaster|root)@/i;

function isRole(address: string): boolean {
  return ROLE.test(address);
}

function candidates(lines: readonly string[]): Candidate[] {
  const found: Candidate[] = [];
  for (const [at, line] of lines.entries()) {
    if (found.length >= MAX_FINDINGS) break;
    // Quoted text is somebody's mail, not the report's own words; MDaemon and Active! Hunter mark recipients with ">".
    if (/^\s{0,8}>\s?>?\s?(from|to|subject|date|on .{1,80} wrote)\b/i.test(line)) continue;
    for (const { address, at: start, end } of addressesIn(line)) {
      // `old@example.com <user@example.com>`: the first is the name that somebody gave the second.
      if (NAME_OF_ANOTHER.test(line.slice(end))) continue;
      const before = line.slice(0, start);
      const kind = kindOf(before, line.slice(end));
      if (kind !== undefined) found.push({ recipient: address, kind, line: at, reply: null });
    }
  }
  return found;
}

const NAME_OF_ANOTHER = /^["']?\s{1,3}<[^<>\s@:]{1,128}@[^<>\s]{1,255}>/;

/** One finding per address, in order, with the text that belongs to it. */
function merge(chosen: readonly Candidate[], lines: readonly string[]): Finding[] {
  const byAddress = new Map<string, Finding>();
  for (const [index, one] of chosen.entries()) {
    const key = one.recipient.toLowerCase();
    const until = chosen.slice(index + 1).find(({ line }) => line > one.line)?.line ?? lines.length;
    const reply = replyFor(one, lines, until);
    const known = byAddress.get(key);
    if (known === undefined) byAddress.set(key, { recipient: one.recipient, reply });
    else if (known.reply === null || (!CODE.test(known.reply) && reply !== null && CODE.test(reply))) {
      byAddress.set(key, { recipient: known.recipient, reply });
    }
  }
  return [...byAddress.values()];
}

const CODE = /(?:^|[\s:;(<#"'])[45]\d\d(?=[\s\-,;:)#])|\b[45]\.\d{1,3}\.\d{1,3}\b/;
const CHATTER =
  /^(giving up on|i'm not going to try|this (message|is)|please|if you|for (further|more)|no further|-{3,}|={3,}|_{3,}|\*{3,}|sincerely|regards|thank|reporting-mta|the mail system|see also|your message (was|is)|message details)/i;

/** The rest of the address's line and the lines below, up to the next address or the end of its paragraph. */
function replyFor(one: Candidate, lines: readonly string[], until: number): string | null {
  const own = lines[one.line] ?? '';
  const spoken = own
    .slice(own.indexOf(one.recipient) + one.recipient.length)
    .replace(/^[>"'\])]{0,3}[\s:.,;]{0,10}/, '');
  const said =
    spoken.trim() === '' && CODE.test(own.slice(0, own.indexOf(one.recipient))) ? [own.trim()] : [spoken.trim()];
  if (/^\s{0,10}[245]\d\d[- ]/.test(own) || (one.kind !== 'block' && CODE.test(own))) said.splice(0, 1, own.trim());
  let blank = 0;
  for (let at = one.line + 1; at < until && at <= one.line + 25; at += 1) {
    const line = (lines[at] ?? '').trim();
    if (line === '') {
      blank += 1;
      if (blank > 2) break;
      continue;
    }
    // Rules, and headings such as "Technical details:", say nothing by themselves.
    if (/^[-=_*#~+|.\s]+$/.test(line) || (/^[\p{L} ()]{1,40}:$/u.test(line) && !CODE.test(line))) continue;
    if (CHATTER.test(line) && said.join('').length > 0) {
      if (blank > 0) break;
      continue;
    }
    said.push(line.replace(/^(<<<|>>>|#)\s{0,3}(?=[245]\d\d)/, ''));
    if (said.join(' ').length > MAX_REPLY) break;
  }
  const text = said.join(' ').replace(/\s+/g, ' ').trim();
  return text === '' ? null : text.slice(0, MAX_REPLY);
}

/** The first line of a report that repeats a server's refusal, with the lines that carry it on; for reports that keep it apart. */
export function refusalIn(lines: readonly string[]): string | null {
  const at = lines.findIndex((line) =>
    /(?:^|said:\s|<<<\s|-->?\s|<--\s|\d:\s|returned:\s|\[|["'(])\s{0,3}[45]\d\d[\s-].{0,3}\S/i.test(line),
  );
  if (at === -1) return null;
  const end = lines.slice(at + 1, at + 6).findIndex((line) => !/^\s{2,}\S|^[45]\d\d[- ]/.test(line));
  const text = lines
    .slice(at, at + 1 + Math.max(0, end))
    .join(' ')
    .replace(/\s+/g, ' ')
    .replace(/^\s{0,3}[<>-]{2,4}\s/, '')
    .trim();
  return text.slice(0, MAX_REPLY);
}

/** Has it a reply code or an enhanced status code? */
export function hasCode(text: string): boolean {
  return CODE.test(text);
}
