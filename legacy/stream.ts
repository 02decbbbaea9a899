/** Text that comes once, as a pipe or a whole file: what an engine writes to our standard input, or a log that is imported. */
import type { LegacyEvent, Log as LegacyLog } from '../import/outcomes/event.ts';
import type { Intake, Taken } from './intake.ts';

/** Events of a batch, at most some more. */
const BATCH = 5_000;

export interface StreamSum extends Taken {
  readonly unreadable: number;
  readonly events: number;
}

/**
 * Takes all of a stream; resolves when it is kept. One batch is written while the next is read. `flushMs`: a pipe that says
 * little is not waited for longer than this. Rejects with what the stream or, without `until`, the store fails with; what
 * came before is kept.
 */
export async function takeStream(
  chunks: AsyncIterable<string>,
  reading: LegacyLog,
  intake: Intake,
  options: { readonly until?: AbortSignal; readonly flushMs?: number } = {},
): Promise<StreamSum> {
  const reader = reading.reader();
  const sum = { kept: 0, joined: 0, repeated: 0, tooOld: 0, events: 0, unreadable: 0 };
  let batch: LegacyEvent[] = [];
  let told = 0;
  let writing: Promise<void> = Promise.resolve();
  const flushOnce = async () => {
    const events = batch;
    batch = [];
    await writing;
    const unreadable = reader.unreadable - told;
    told = reader.unreadable;
    const { opened = [], closed = [] } = reading.memory?.changes() ?? {};
    if (events.length === 0 && unreadable === 0 && opened.length === 0 && closed.length === 0) return;
    writing = intake.take(events, { unreadable, opened, closed }, options.until).then((taken) => {
      sum.kept += taken.kept;
      sum.joined += taken.joined;
      sum.repeated += taken.repeated;
      sum.tooOld += taken.tooOld;
    });
    writing.catch(() => {});
    sum.events += events.length;
    sum.unreadable += unreadable;
  };
  // The timer and the reading take turns.
  let flushing: Promise<void> = Promise.resolve();
  const flush = () => {
    flushing = flushing.then(flushOnce);
    return flushing;
  };
  let failed: unknown;
  const timer =
    options.flushMs === undefined
      ? undefined
      : setInterval(() => {
          flush().catch((error) => {
            failed ??= error;
          });
        }, options.flushMs);
  try {
    for await (const chunk of chunks) {
      if (failed !== undefined) throw failed;
      for (const event of reader.take(chunk)) batch.push(event);
      if (batch.length >= BATCH) await flush();
    }
    for (const event of reader.end()) batch.push(event);
  } finally {
    clearInterval(timer);
    await flush();
    await writing;
  }
  return sum;
}
