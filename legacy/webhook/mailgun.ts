/**
 * Mailgun's signature: HMAC-SHA256 of timestamp and token with the account's signing key. It does not cover the event, so a
 * signature that was seen on the way could carry another one: an old one is refused, and the listener wants TLS.
 * Source: Mailgun documentation, "Securing Webhooks".
 */
import { createHmac } from 'node:crypto';
import { object, text } from '../../import/outcomes/json.ts';
import { same } from './secret.ts';

/** Mailgun tries again for eight hours. */
const OLDEST_MS = 12 * 3_600_000;
const AHEAD_MS = 300_000;

/** Is the body's signature of this key and not too old? A subaccount's may be signed by its parent. `now` in ms. */
export function signedByMailgun(signingKey: string, body: unknown, now: number): boolean {
  const signature = object(object(body)?.signature);
  const [timestamp, token] = [text(signature?.timestamp), text(signature?.token)];
  if (signature === undefined || !/^\d{1,12}$/.test(timestamp) || token === '') return false;
  const at = Number(timestamp) * 1_000;
  if (at < now - OLDEST_MS || at > now + AHEAD_MS) return false;
  const expected = createHmac('sha256', signingKey).update(`${timestamp}${token}`).digest('hex');
  return [signature.signature, signature['parent-signature']].some((given) => {
    const hex = text(given);
    return hex !== '' && same(hex.toLowerCase(), expected);
  });
}
