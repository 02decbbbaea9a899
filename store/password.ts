/**
 * Passwords as scrypt hashes (RFC 7914): `scrypt$N$r$p$salt$hash`, so that the cost can be raised without asking anybody
 * for a new password. N = 2^14, r = 8, p = 5 is one of OWASP's equal choices, and the one that needs least memory
 * (16 MB): a process that checks several passwords at once must not grow by gigabytes.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const COST = { N: 16_384, r: 8, p: 5 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const MAX_MEMORY = 64 * 1024 * 1024;

/** Longest password taken, bytes: hashing is paid by us, and chosen by whoever connects. */
export const LONGEST_PASSWORD = 1_024;

export async function hashPassword(password: string): Promise<string> {
  const { N, r, p } = COST;
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, salt, HASH_BYTES, { N, r, p });
  return ['scrypt', N, r, p, salt.toString('base64'), hash.toString('base64')].join('$');
}

/** Whether `password` is the one `stored` was made from. Throws on a hash this code did not make. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [kind, N, r, p, salt, hash] = stored.split('$');
  if (kind !== 'scrypt' || salt === undefined || hash === undefined)
    throw new Error('a stored password hash is not one of ours: set the password again');
  if (Buffer.byteLength(password) > LONGEST_PASSWORD) return false;
  const expected = Buffer.from(hash, 'base64');
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64'), expected.length, cost), expected);
}

/** A password nobody has to think of: 144 bits, safe in a URL and a shell. */
export function generatePassword(): string {
  return randomBytes(18).toString('base64url');
}

function derive(password: string, salt: Buffer, length: number, cost: { N: number; r: number; p: number }) {
  return new Promise<Buffer>((resolve, reject) => {
    // The same letters can be typed as different code points (RFC 8265 §4.2).
    scrypt(password.normalize('NFC'), salt, length, { ...cost, maxmem: MAX_MEMORY }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
