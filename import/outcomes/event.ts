/**
 * What became of a message in another engine, whatever that engine calls it: the one shape all readers turn their bytes
 * into. Readers know a format; what a reply means, and whose mailboxes they are, is decided after them (verdict.ts).
 */

/** `failed`: given up after an answer; `expired`: given up because its time was over. */
export type Outcome = 'accepted' | 'delivered' | 'deferred' | 'failed' | 'expired' | 'complaint';

export interface Answered {
  readonly code: number;
  readonly text: string;
  /** The command it answers, where the record says it. */
  readonly stage?: 'connect' | 'ehlo' | 'mail' | 'rcpt' | 'data';
}

export interface LegacyEvent {
  readonly outcome: Outcome;
  /** ms */
  readonly at: number;
  /** Bare address, as written; '' or blackened in a report that carries our trace instead. */
  readonly recipient: string;
  /** With its angle brackets, as the header has it; null: the record does not say. */
  readonly messageId: string | null;
  /** What the remote said; null: nothing was said, or not recorded. */
  readonly reply: Answered | null;
  /** The engine's own word for a failure without a usable reply: a bounce category, a sub-type. */
  readonly category?: string;
  /** The MX host that answered; null: none did, or it is not recorded. */
  readonly host: string | null;
  /** IP address it left from. */
  readonly address: string | null;
  /** Campaign or job. */
  readonly campaign: string | null;
  /** What the record has of our trace header: whoever knows its key reads the recipient out of it. */
  readonly trace?: string;
  /** The engine read it in a mail that anybody could have sent to it: a report of a complaint, or of a late bounce. */
  readonly hearsay?: true;
  /** What makes the record unique within its feed: the same in every copy of it. */
  readonly identity: string;
}

/** A message the engine still works on: its id there, and its Message-ID. */
export interface OpenMessage {
  readonly engineId: string;
  readonly messageId: string;
  /** ms */
  readonly since: number;
}

/** Turns the text of one log into events. Pure: the same text gives the same events, however it is cut. */
export interface LogReader {
  /** Events of the records that are whole with this text. */
  take(text: string): LegacyEvent[];
  /** Text of a record that is not whole yet: whoever stops here reads it again. */
  readonly pending: string;
  /** The last record, at the end of a file that nobody writes to any more. */
  end(): LegacyEvent[];
  /** Records so far that could not be read. */
  readonly unreadable: number;
  /** Whoever goes on in the middle of a file gives its first line first. */
  readonly hasHeader: boolean;
}

/** A feed's logs, one reader a file. */
export interface Log {
  reader(): LogReader;
  /** For logs whose lines belong together by the engine's id, over all its files; absent: every record says all. */
  readonly memory?: Memory;
}

/** What a reader has to remember of messages the engine is not done with, over a restart as well. */
export interface Memory {
  open(messages: Iterable<OpenMessage>): void;
  /** What came and went since the last call; what did both is in neither. */
  changes(): { readonly opened: readonly OpenMessage[]; readonly closed: readonly string[] };
}

/** `<id>` of an id that an engine writes without its brackets. */
export function bracketed(id: string): string {
  return id.startsWith('<') ? id : `<${id}>`;
}

/** The reply in `smtp;550 5.1.1 no such user`, `550-5.1.1 …` or the like; null: there is no code in it. */
export function replyIn(text: string): Answered | null {
  const found = /^\s*(?:[a-z][\w-]*\s*;\s*)?([2-5]\d\d)(?:[ -]|$)([\s\S]*)$/i.exec(text);
  return found === null ? null : { code: Number(found[1]), text: (found[2] ?? '').trim() };
}

/** The name of our trace header, as engines are told to record it. */
export const TRACE = 'X-Rampart-Trace';

/** Types of feedback reports (RFC 5965 section 7.3 and later ones) that are no complaint about the sender. */
const NO_COMPLAINT = new Set(['not-spam', 'auth-failure', 'dmarc']);

export function isComplaint(feedbackType: string): boolean {
  return !NO_COMPLAINT.has(feedbackType.trim().toLowerCase());
}
