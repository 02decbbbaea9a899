/**
 * Checks of a message's bytes, made before anything reads them: what is refused here can not mean one thing to us and
 * another to the next server.
 */
import { RefusedMessage } from './refusal.ts';

/** RFC 5322 §2.1.1, RFC 5321 §4.5.3.1.6: octets of a line without its CRLF. */
export const LONGEST_LINE = 998;

/**
 * Refuses bare CR, bare LF, NUL and over-long lines.
 *
 * - Bare CR or LF is what SMTP smuggling is made of (RFC 5321 §2.3.8 forbids it): `<LF>.<CR><LF>` is text to us and the
 *   end of the message to others.
 * - NUL is not allowed in a header (RFC 5322 §2.2) nor in a body that is no BINARYMIME (RFC 6152 §3 keeps the rule);
 *   some servers cut the line there.
 * - Longer lines are refused and not folded: servers on the way break them where they like (RFC 5321 lets them), which
 *   breaks the DKIM signature, and folding base64-less HTML here would change what the customer signed or wrote.
 */
export function checkBytes(raw: Buffer): void {
  let start = 0;
  let line = 0;
  for (let at = raw.indexOf(10); at !== -1; at = raw.indexOf(10, start)) {
    line += 1;
    if (at === 0 || raw[at - 1] !== 13) throw new RefusedMessage(554, '5.6.0 bare LF is not allowed (RFC 5321 2.3.8)');
    checkLength(line, at - 1 - start);
    start = at + 1;
  }
  checkLength(line + 1, raw.length - start);
  for (let at = raw.indexOf(13); at !== -1; at = raw.indexOf(13, at + 1)) {
    if (raw[at + 1] !== 10) throw new RefusedMessage(554, '5.6.0 bare CR is not allowed (RFC 5321 2.3.8)');
  }
  if (raw.includes(0)) throw new RefusedMessage(554, '5.6.0 NUL is not allowed (RFC 5322 2.2): send it as base64');
}

function checkLength(line: number, octets: number): void {
  if (octets <= LONGEST_LINE) return;
  throw new RefusedMessage(
    554,
    `5.6.0 Line ${line} has ${octets} octets, at most ${LONGEST_LINE} are allowed (RFC 5322 2.1.1): send the part as quoted-printable or base64`,
  );
}
