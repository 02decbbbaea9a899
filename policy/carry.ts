/** Which mail a cold lane's stage may carry. Pure: the dispatcher and `why` ask the same question. */

/** Segments of recipients, the most engaged first. Mail without one is `all`. */
export const SEGMENT_ORDER = ['engaged-30d', '60d', '90d', 'all'] as const;

/** Segments a stage admits: its own and every more engaged one; null admits all. */
export function admitted(segment: string | null): readonly string[] {
  return SEGMENT_ORDER.slice(0, SEGMENT_ORDER.indexOf((segment ?? 'all') as (typeof SEGMENT_ORDER)[number]) + 1);
}

/** What of a message decides whether a cold lane may carry it. */
export interface MailTraits {
  readonly stream: string;
  readonly segment: string;
  /** It can be unsubscribed from with one click (RFC 8058). */
  readonly oneClick: boolean;
  /** It left a lane that stopped. */
  readonly freed: boolean;
}

/** Why a cold lane at a stage with this segment may not carry the mail, in words, or null. */
export function mayCarry(segment: string | null, mail: MailTraits): string | null {
  if (mail.stream !== 'marketing') return `${mail.stream} mail goes by warm lanes only`;
  if (mail.freed) return 'it left a lane that was stopped: warm lanes only';
  if (!mail.oneClick) return 'it has no one-click unsubscribe (RFC 8058): warm lanes only';
  if (admitted(segment).includes(mail.segment)) return null;
  return `its segment ${mail.segment} is not admitted yet (the stage takes ${admitted(segment).join(', ')})`;
}
