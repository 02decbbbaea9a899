/** Signatures of webhooks, as "Standard Webhooks" writes them (https://www.standardwebhooks.com, spec of 2023, v1). */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
/** The specification asks for 24 to 64 bytes. */
const [LEAST, MOST] = [24, 64];

/**
 * The key in a secret: `whsec_` and base64, as receivers' libraries expect it.
 *
 * @throws Error that says what is wrong with it.
 */
export function secretKey(secret: string): Buffer {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : '';
  const key = Buffer.from(encoded, 'base64');
  // Buffer.from passes over what is not base64; written again it must be the same.
  if (
    key.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '') ||
    key.length < LEAST ||
    key.length > MOST
  ) {
    throw new Error(
      `expected ${PREFIX} and ${LEAST} to ${MOST} bytes in base64: echo "${PREFIX}$(openssl rand -base64 32)" makes one`,
    );
  }
  return key;
}

/**
 * The headers of a signed request. `at` in s since 1970. One signature a key: while a key is being replaced, receivers
 * find the one they know.
 */
export function signedHeaders(
  keys: readonly Buffer[],
  id: string,
  at: number,
  body: Buffer,
): { 'webhook-id': string; 'webhook-timestamp': string; 'webhook-signature': string } {
  const signature = (key: Buffer) => createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(at),
    'webhook-signature': keys.map((key) => `v1,${signature(key)}`).join(' '),
  };
}
