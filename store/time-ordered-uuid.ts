/**
 * UUIDs of version 7 (RFC 9562 §5.7): the time, then chance. New ones come at the end of an index, where random ones would each
 * touch another of its pages.
 */
import { randomUUID } from 'node:crypto';

/** `now`: ms since 1970. */
export function timeOrderedUuid(now: number = Date.now()): string {
  const time = now.toString(16).padStart(12, '0');
  // Chance and variant as in a random one: Node draws those many at a time.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
