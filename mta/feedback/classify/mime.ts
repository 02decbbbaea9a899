/**
 * A small MIME splitter for reading reports. Why our own: a general parser repairs what is broken (joins parts, drops a
 * report whose type it does not know, decodes attached messages) and hides what we must see; and its cost follows the
 * input, where ours is bounded in bytes, depth and parts. Attached messages are leaves: a report inside one is somebody
 * else's report, so a forwarded bounce never reads as a bounce.
 */
import { decodeCharset, decodeTransfer } from './decode.ts';
import { contentType, type Fields, splitHead } from './headers.ts';

export interface Part {
  readonly fields: Fields;
  /** `type/subtype` in lower case; `text/plain` where none is said. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** As it came (Latin-1, LF). For multiparts: everything, delimiters included. */
  readonly raw: string;
  readonly parts: readonly Part[];
}

/** Reports stand before the message they return, so the head of a file is enough. */
export const MAX_BYTES = 4_000_000;
const MAX_DEPTH = 8;
const MAX_PARTS = 200;

/** Reads a message. CRLF (also with its CR doubled), bare LF and bare CR end lines; NULs and blank
 * lines before the header go; an mbox "From " line is skipped. */
export function readMime(raw: Buffer): Part {
  const text = raw
    .subarray(0, MAX_BYTES)
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .replaceAll('\0', '')
    .replace(/\r\r?\n|\r/g, '\n')
    .replace(/^(?:[ \t]{0,2000}\n){1,100}/, '')
    .replace(/^>?From [^\n]{0,1000}\n/, '');
  return readPart(text, 0, { left: MAX_PARTS });
}

/** A leaf's text, decoded. */
export function textOf(part: Part): string {
  const encoding = part.fields.get('content-transfer-encoding')?.[0] ?? '';
  const bytes = decodeTransfer(part.raw, encoding);
  return decodeCharset(bytes, part.parameters.get('charset') ?? '').replace(/\r\n?/g, '\n');
}

/** All leaves, in order. */
export function leaves(part: Part): Part[] {
  return part.parts.length === 0 ? [part] : part.parts.flatMap(leaves);
}

function readPart(text: string, depth: number, budget: { left: number }): Part {
  const { fields, body } = splitHead(text);
  const { type, parameters } = contentType(fields.get('content-type')?.[0] ?? '');
  const kind = type === '' ? 'text/plain' : type;
  const parts: Part[] = [];
  if (kind.startsWith('multipart/') && depth < MAX_DEPTH) {
    for (const piece of split(body, parameters.get('boundary'), budget)) parts.push(readPart(piece, depth + 1, budget));
  }
  return { fields, type: kind, parameters, raw: body, parts };
}

/** Pieces between delimiters. A boundary that is missing, or never used, is guessed from the body. */
function split(body: string, declared: string | undefined, budget: { left: number }): string[] {
  const pieces = declared === undefined || declared === '' ? [] : piecesOf(body, `--${declared.trimEnd()}`, budget);
  if (pieces.length > 0) return pieces;
  const guessed = /(?:^|\n)(--[^\s-][^\n]{0,200})\n(?:content-[a-z-]{1,40}:|\n)/i.exec(body)?.[1]?.trimEnd();
  return guessed === undefined ? [] : piecesOf(body, guessed, budget);
}

function piecesOf(body: string, delimiter: string, budget: { left: number }): string[] {
  const pieces: string[] = [];
  let start = -1;
  let at = body.startsWith(delimiter) ? 0 : next(body, delimiter, 0);
  while (at !== -1) {
    const lineEnd = body.indexOf('\n', at);
    const line = body.slice(at, lineEnd === -1 ? body.length : lineEnd).trimEnd();
    const closes = line === `${delimiter}--`;
    // A longer boundary that begins like this one belongs to a nested part.
    if (line === delimiter || closes) {
      if (start !== -1 && budget.left-- > 0) pieces.push(body.slice(start, Math.max(start, at - 1)));
      start = closes ? -1 : lineEnd === -1 ? body.length : lineEnd + 1;
      if (closes || budget.left <= 0) return pieces;
    }
    at = lineEnd === -1 ? -1 : next(body, delimiter, lineEnd);
  }
  if (start !== -1 && start < body.length && budget.left-- > 0) pieces.push(body.slice(start));
  return pieces;
}

function next(body: string, delimiter: string, from: number): number {
  const found = body.indexOf(`\n${delimiter}`, from);
  return found === -1 ? -1 : found + 1;
}
