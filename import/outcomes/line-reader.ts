/** A log of one record a line: what all its formats share is keeping the text, cutting it, and counting what is no record. */
import type { LegacyEvent, LogReader } from './event.ts';
import { Lines } from './lines.ts';

/** Events of one line; none where it says nothing of interest. Throws Unreadable for a line that should have said something. */
export type ReadLine = (line: string) => readonly LegacyEvent[];

export class Unreadable extends Error {}

export function lineReader(read: ReadLine): LogReader {
  const lines = new Lines();
  let unreadable = 0;
  const events = (whole: readonly string[]) => {
    const found: LegacyEvent[] = [];
    for (const line of whole) {
      try {
        for (const event of read(line)) found.push(event);
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        unreadable += 1;
      }
    }
    return found;
  };
  return {
    take: (text) => events(lines.take(text)),
    end: () => events(lines.end()),
    get pending() {
      return lines.pending;
    },
    get unreadable() {
      return unreadable + lines.dropped;
    },
    hasHeader: false,
  };
}
