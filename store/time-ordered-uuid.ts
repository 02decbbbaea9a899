/**
 * UUIDs of version 7 (RFC 9562 §5.7): the time, then chance. New ones come at the end of an index, where random ones would each
 * touch another of its pages.
 */
import { randomBytes } from 'node:crypto';

/** `now`: ms since 1970. */
export function timeOrderedUuid(now: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now, 0, 6);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
