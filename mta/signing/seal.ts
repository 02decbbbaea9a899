/**
 * Private keys at rest: AES-256-GCM under a key from the configuration, so that a copy of the database signs nothing. The
 * key's name is sealed with it: a row that was moved to another domain does not open.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const MARK = 'sealed-1:';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Seals `text` for `name`. */
export function seal(text: string, name: string, secret: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), iv).setAAD(Buffer.from(name));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return MARK + Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64');
}

/** Opens what seal() made; text that is not sealed is returned as it is. Throws an error that says what to do. */
export function unseal(text: string, name: string, secret: string | undefined): string {
  if (!text.startsWith(MARK)) return text;
  if (secret === undefined) throw new Error('it is sealed: set dkim.sealKey in the configuration');
  const bytes = Buffer.from(text.slice(MARK.length), 'base64');
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, IV_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(name)).setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const opened = [decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()];
    return Buffer.concat(opened).toString('utf8');
  } catch {
    throw new Error('it does not open: dkim.sealKey is not the one it was sealed with');
  }
}

/** The secret is a key or a long phrase, not a password that people choose: no slow derivation. */
function keyOf(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'rampart dkim private keys', 32));
}
