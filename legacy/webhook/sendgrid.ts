/**
 * SendGrid's signed event webhook: ECDSA (P-256, SHA-256) over the timestamp header and the body as it came.
 * Source: Twilio SendGrid, "Getting Started with the Event Webhook Security Features".
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';

/**
 * The key as SendGrid shows it: base64 of its DER (SubjectPublicKeyInfo), with or without the lines of PEM.
 *
 * @throws Error that says what is wrong with it.
 */
export function sendGridKey(given: string): KeyObject {
  const base64 = given.replace(/-----[A-Z ]+-----/g, '').replace(/\s/g, '');
  try {
    const key = createPublicKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType === 'ec') return key;
  } catch {}
  throw new Error(
    'expected the verification key of SendGrid’s event webhook settings: base64 that begins with MFkwEwYH',
  );
}

/** Is the signature that of this timestamp and body? */
export function signedBySendGrid(
  key: KeyObject,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: Buffer,
): boolean {
  const signature = headers['x-twilio-email-event-webhook-signature'];
  const timestamp = headers['x-twilio-email-event-webhook-timestamp'];
  if (typeof signature !== 'string' || typeof timestamp !== 'string') return false;
  return verify('sha256', Buffer.concat([Buffer.from(timestamp), body]), key, Buffer.from(signature, 'base64'));
}
