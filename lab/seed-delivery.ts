/** Puts accepted mail into the seed mailboxes it was for; all other recipients' mail is only recorded. */
import type { Maildir } from './maildir.ts';
import type { Arrival } from './provider-server.ts';

/** Stores `arrival` for each of its recipients in `users`. `now` in ms since 1970. */
export async function deliverToSeeds(
  maildir: Maildir,
  users: ReadonlySet<string>,
  arrival: Arrival,
  now: number,
): Promise<void> {
  if (arrival.placement === 'missing' || arrival.placement === 'returned') return;
  for (const rcpt of arrival.rcpts) {
    if (!users.has(rcpt)) continue;
    const message = Buffer.concat([Buffer.from(traceOf(arrival, rcpt, now)), arrival.content]);
    await maildir.deliver(rcpt, arrival.placement, message, now);
  }
}

// RFC 5321 §4.4: the last host notes where the message came from; a prober reads its source address here.
function traceOf(arrival: Arrival, rcpt: string, now: number): string {
  const date = new Date(now).toUTCString().replace('GMT', '+0000');
  return [
    `Return-Path: <${arrival.mailFrom}>`,
    `Received: from ${arrival.ehlo} ([${arrival.sourceIp}])`,
    `\tby [${arrival.mxIp}] with ESMTP for <${rcpt}>; ${date}`,
    '',
  ].join('\r\n');
}
