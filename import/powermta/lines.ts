/**
 * Lines of a PowerMTA configuration file. One directive a line, `keyword value…`; `#` begins a comment, inside a pattern
 * as well (one writes \x23 there); blocks are `<tag parameter>` … `</tag>`. Every line of the file is part of exactly one
 * item, which is what lets an import promise that nothing was passed over.
 * Source: PowerMTA 5.0 user's guide, 3.1 and 3.2.
 */
import type { Place } from '../outcome.ts';

export type Item = Place &
  (
    | { readonly kind: 'nothing' }
    | { readonly kind: 'open'; readonly tag: string; readonly parameter: string }
    | { readonly kind: 'close'; readonly tag: string }
    | { readonly kind: 'directive'; readonly name: string; readonly value: string }
    /** Neither: what it says is not repeated, it may be a password that slipped to a line of its own. */
    | { readonly kind: 'broken'; readonly says: string }
  );

/** Lists that people break after a comma, though the guide knows no such thing: the server takes them, so do we. */
const MAY_CONTINUE = new Set(['domain-macro']);

/** The items of a file's text; line ends may be LF or CRLF. Never throws. */
export function itemsOf(text: string, file: string): Item[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  // A line end at the end of the file ends its last line and begins no other.
  if (lines.at(-1) === '') lines.pop();
  const items: Item[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let item = itemOf(withoutComment(lines[at] ?? ''), { file, line, lines: 1 });
    while (item.kind === 'directive' && MAY_CONTINUE.has(item.name) && item.value.endsWith(',')) {
      const next = lines[at + 1];
      if (next === undefined) break;
      const more = withoutComment(next);
      if (more.startsWith('<')) break;
      at += 1;
      item = { ...item, value: `${item.value} ${more}`.trim(), lines: item.lines + 1 };
    }
    items.push(item);
  }
  return items;
}

function itemOf(text: string, place: Place): Item {
  if (text === '') return { ...place, kind: 'nothing' };
  if (text.startsWith('</')) {
    const [, tag] = /^<\/\s*([a-z][a-z0-9-]*)\s*>$/i.exec(text) ?? [];
    if (tag !== undefined) return { ...place, kind: 'close', tag: tag.toLowerCase() };
    return { ...place, kind: 'broken', says: 'a block ends with </tag> alone on its line' };
  }
  if (text.startsWith('<')) {
    const [, tag, parameter = ''] = /^<\s*([a-z][a-z0-9-]*)(?:\s+([^\n]*?))?\s*>$/i.exec(text) ?? [];
    if (tag !== undefined) return { ...place, kind: 'open', tag: tag.toLowerCase(), parameter: unquoted(parameter) };
    return { ...place, kind: 'broken', says: 'a block begins with <tag parameter> alone on its line' };
  }
  // Patterns of bounce categories stand without a keyword.
  if (text.startsWith('/')) return { ...place, kind: 'directive', name: '/', value: text };
  const [, name, value = ''] = /^([^\s]+)(?:\s+([^\n]*))?$/.exec(text) ?? [];
  if (name === undefined || !/^[a-z][a-z0-9-]*$/i.test(name) || name.length > 64)
    return { ...place, kind: 'broken', says: 'a line is a keyword and its value' };
  return { ...place, kind: 'directive', name: name.toLowerCase(), value: value.trim() };
}

function withoutComment(line: string): string {
  const at = line.indexOf('#');
  return (at === -1 ? line : line.slice(0, at)).trim();
}

/** A value without the quotes around it. */
export function unquoted(value: string): string {
  return /^"[^"]*"$/.test(value) ? value.slice(1, -1) : value;
}

/** Values separated by blanks; quotes hold one together. */
export function wordsOf(value: string): string[] {
  return (value.match(/"[^"]*"|\S+/g) ?? []).map(unquoted);
}

/** Values separated by commas (or blanks, as people write them). */
export function listOf(value: string): string[] {
  return unquoted(value)
    .split(/[,\s]+/)
    .filter((one) => one !== '');
}
