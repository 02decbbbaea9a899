/**
 * The key by which an event is known again: the second it happened in, then a hash of what makes it unique. Beginning with
 * the time keeps the newest keys together in an index; a hash alone would touch all of it.
 */
import { hash } from 'node:crypto';

/** 16 bytes. `at` in ms. */
export function eventKey(at: number, identity: string): Buffer {
  const key = Buffer.allocUnsafe(16);
  key.writeUInt32BE(Math.max(0, Math.floor(at / 1_000)) % 2 ** 32, 0);
  hash('sha256', identity, 'buffer').copy(key, 4, 0, 12);
  return key;
}
