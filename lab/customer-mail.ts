/** The mail itself: about 2 KB of newsletter with the headers bulk senders must have (RFC 2369, RFC 8058). */
import type { PlannedMessage } from './traffic.ts';

const BODY_BYTES = 1400;

export interface MailOptions {
  readonly messageId: string;
  readonly from: string;
  readonly pool: string;
  readonly tenant: string;
  /** ms since 1970, for the Date header. */
  readonly now: number;
}

/** The text of one message, CRLF line ends. */
export function customerMail(message: PlannedMessage, options: MailOptions): string {
  const { messageId, from, pool, tenant, now } = options;
  const domain = from.slice(from.lastIndexOf('@') + 1);
  const lines = [
    `Message-ID: ${messageId}`,
    `Date: ${new Date(now).toUTCString().replace('GMT', '+0000')}`,
    `From: Shop <${from}>`,
    `To: <${message.rcpt}>`,
    `Subject: News from the shop, issue ${message.campaign}`,
    `List-Unsubscribe: <https://${domain}/u/${message.id}>, <mailto:leave@${domain}?subject=${message.id}>`,
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    `X-Rampart-Pool: ${pool}`,
    'X-Rampart-Stream: marketing',
    `X-Rampart-Campaign: ${message.campaign}`,
    `X-Rampart-Segment: ${message.segment}`,
    `X-Rampart-Tenant: ${tenant}`,
    // Survives an engine that takes its own X- headers off: the provider's side of the lab reads the campaign here.
    `X-Campaign: ${message.campaign}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    '',
    `Hello,`,
    '',
    ...filler(message.id),
    '',
    `You get this mail because you asked for it. Leave: https://${domain}/u/${message.id}`,
    '',
  ];
  return lines.join('\r\n');
}

function filler(id: string): string[] {
  const line = `In issue ${id} we show what is new on our shelves and what will be gone by next week.`;
  return Array.from({ length: Math.ceil(BODY_BYTES / line.length) }, () => line);
}
