/** Work that runs beside the watch's looks, one at a time: servers of others take seconds, and the fast gates must not wait. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Well under the heartbeat time-out of the activity this runs in. */
const BEAT_MS = 500;

export interface Beside {
  /** Begins the work unless it runs, or all has ended. */
  begin(): void;
  /** Tells the work to end, and waits for it; `beat` is called while that takes. */
  stop(beat: () => void): Promise<void>;
}

/** `failed` hears why a run of the work rejected; the next one begins all the same. */
export function beside(work: (ended: AbortSignal) => Promise<void>, failed: (error: Error) => void): Beside {
  let running: Promise<void> | undefined;
  const ending = new AbortController();
  return {
    begin: () => {
      if (ending.signal.aborted) return;
      running ??= work(ending.signal)
        .catch(failed)
        .finally(() => {
          running = undefined;
        });
    },
    stop: async (beat) => {
      ending.abort();
      while (running !== undefined) {
        beat();
        await Promise.race([running, sleep(BEAT_MS)]);
      }
    },
  };
}
