/**
 * Any other log: CSV with a header, or JSON objects (one a line, or in a list), read by a mapping of its names to ours. A
 * JSON name may be a path: `delivery.status`.
 */
import type { ReadTime } from '../times.ts';
import { bracketed, type LegacyEvent, type LogReader, type Outcome, replyIn } from './event.ts';
import { headedCsv } from './headed-csv.ts';
import { object, parsed, text } from './json.ts';
import { lineReader, Unreadable } from './line-reader.ts';

export interface Mapping {
  /** Where what happened is said, and what its words mean; other words are passed over. */
  readonly outcome: string;
  readonly outcomes: Readonly<Record<string, Outcome>>;
  readonly at: string;
  readonly recipient: string;
  readonly messageId?: string | undefined;
  /** A reply with its code: `550 5.1.1 no such user`. */
  readonly reply?: string | undefined;
  /** A bounce category, where there is no reply. */
  readonly category?: string | undefined;
  readonly host?: string | undefined;
  readonly address?: string | undefined;
  readonly campaign?: string | undefined;
  /** An id of the event; without one, all that is mapped is what makes it unique. */
  readonly id?: string | undefined;
}

/** Rows of a CSV file under its header. A pipe that was started again writes it again. */
export function mappedCsv(mapping: Mapping, readTime: ReadTime): LogReader {
  let header: string | undefined;
  const isHeader = (cells: readonly string[]) => {
    header ??= cells.join();
    return cells.join() === header;
  };
  return headedCsv(isHeader, (value) => eventOf(mapping, value, readTime));
}

/** Lines of JSON. */
export function mappedJson(mapping: Mapping, readTime: ReadTime): LogReader {
  return lineReader((line) => mappedRecord(parsed(line), mapping, readTime));
}

/** An object, or a list of them. Throws Unreadable for what is neither, or has no time or recipient. */
export function mappedRecord(value: unknown, mapping: Mapping, readTime: ReadTime): LegacyEvent[] {
  if (Array.isArray(value)) return value.flatMap((one) => mappedRecord(one, mapping, readTime));
  if (object(value) === undefined) throw new Unreadable();
  const event = eventOf(mapping, (path) => text(valueAt(value, path)), readTime);
  if (event === undefined) throw new Unreadable();
  return event === null ? [] : [event];
}

function valueAt(value: unknown, path: string): unknown {
  const whole = object(value);
  if (whole !== undefined && Object.hasOwn(whole, path)) return whole[path];
  return path.split('.').reduce<unknown>((at, key) => (Array.isArray(at) ? at[Number(key)] : object(at)?.[key]), value);
}

function eventOf(
  mapping: Mapping,
  value: (name: string) => string,
  readTime: ReadTime,
): LegacyEvent | null | undefined {
  const word = value(mapping.outcome);
  const outcome = Object.hasOwn(mapping.outcomes, word) ? mapping.outcomes[word] : undefined;
  if (outcome === undefined) return word === '' ? undefined : null;
  const optional = (name: string | undefined) => (name === undefined ? '' : value(name).trim());
  const at = timeOf(value(mapping.at).trim(), readTime);
  const recipient = value(mapping.recipient)
    .trim()
    .replace(/^<(.*)>$/, '$1');
  if (at === undefined || !recipient.includes('@')) return undefined;
  const [id, reply, category, host] = [
    optional(mapping.messageId),
    optional(mapping.reply),
    optional(mapping.category),
    optional(mapping.host),
  ];
  return {
    outcome,
    at,
    recipient,
    messageId: id === '' ? null : bracketed(id),
    reply: reply === '' ? null : replyIn(reply),
    ...(category === '' ? {} : { category }),
    host: /[a-z]/i.test(host) ? host : null,
    address: optional(mapping.address) || null,
    campaign: optional(mapping.campaign) || null,
    identity: optional(mapping.id) || [word, at, recipient, id, reply, category, host].join('\t'),
  };
}

/** Also ms since 1970, as many logs of JSON have them. */
function timeOf(given: string, readTime: ReadTime): number | undefined {
  return /^\d{13}$/.test(given) ? Number(given) : readTime(given);
}
