/**
 * What a remote can not carry at all, found before anything is sent to it: addresses and headers beyond ASCII without
 * SMTPUTF8 (RFC 6531 §3.5), 8-bit text without 8BITMIME (RFC 6152 §3). Such mail is returned, not converted: converting
 * would break signatures that are not ours. Pure.
 */
import { isAscii } from 'node:buffer';

export interface Misfit {
  readonly code: number;
  readonly text: string;
}

/** The message as `from`, `to` and bytes against what `host` offers in its EHLO answer; null: it can carry it. */
export function misfit(host: string, offers: readonly string[], from: string, to: string, raw: Buffer): Misfit | null {
  if (!offers.includes('SMTPUTF8')) {
    if (/[^\0-\x7f]/.test(from + to))
      return { code: 553, text: `5.6.7 ${host} takes no internationalised addresses (SMTPUTF8, RFC 6531)` };
    if (hasUtf8Header(raw))
      return { code: 550, text: `5.6.9 ${host} takes headers in ASCII only (SMTPUTF8, RFC 6531), and this has others` };
  }
  if (!offers.includes('8BITMIME') && !isAscii(raw))
    return { code: 554, text: `5.6.3 ${host} takes 7-bit mail only, and this has 8-bit text (RFC 6152)` };
  return null;
}

/** Is there a header field beyond ASCII? Injection takes such a message with SMTPUTF8 only, so its bytes tell. */
export function hasUtf8Header(raw: Buffer): boolean {
  const end = raw.indexOf('\r\n\r\n');
  return !isAscii(end === -1 ? raw : raw.subarray(0, end));
}
