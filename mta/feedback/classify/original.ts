/** The message that a report returns: its header, wherever the report keeps it. Only names a reader can trust little. */
import { addressList } from './addresses.ts';
import { type Fields, field, splitHead } from './headers.ts';

export interface Original {
  /** Lower-cased names, the first value of each. */
  readonly headers: ReadonlyMap<string, string>;
  readonly messageId: string | null;
}

/** Reads a returned message, or its headers alone. Undefined if there is no header block in it. */
export function readOriginal(text: string): Original | undefined {
  const { fields } = splitHead(text.replace(/^\s{1,200}/, '').replace(/^>?From [^\n]{0,500}\n/, ''));
  if (fields.size < 2) return undefined;
  const headers = new Map([...fields.keys()].map((name) => [name, field(fields as Fields, name)]));
  return { headers, messageId: messageIdOf(headers.get('message-id')) };
}

/** To, Cc and the like of the original: whom its sender wrote to. */
export function originalRecipients(original: Original | undefined): string[] {
  if (original === undefined) return [];
  const names = ['x-original-to', 'to', 'cc', 'bcc', 'resent-to', 'apparently-to'];
  return names.flatMap((name) => addressList(original.headers.get(name) ?? ''));
}

/** Who sent the original: envelope sender first, then the header's. */
export function originalSenders(original: Original | undefined): string[] {
  if (original === undefined) return [];
  const names = ['return-path', 'x-envelope-from', 'x-envelope-sender', 'from', 'sender', 'reply-to', 'errors-to'];
  return names.flatMap((name) => addressList(original.headers.get(name) ?? ''));
}

/** The first id in brackets, with them; else the first word; null where there is none. */
export function messageIdOf(value: string | undefined): string | null {
  if (value === undefined) return null;
  const found = /<[^<>\s]{1,900}>/.exec(value)?.[0] ?? value.trim().split(/\s/)[0] ?? '';
  return found === '' ? null : found;
}
