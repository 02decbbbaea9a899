/** What every demo needs around it: an empty folder, Ctrl-C, and everything stopped at the end. */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Calendar, windowOf } from '../../policy/calendar.ts';
import { removeEmbedded, stopEmbedded } from '../../store/embedded/start.ts';

export interface Stage {
  /** A line for people: to stderr where stdout is for JSON. */
  readonly say: (line: string) => void;
  /** What is to be stopped at the end, the last one first. */
  readonly stops: (() => Promise<unknown>)[];
  readonly interrupted: AbortSignal;
}

/** Runs a demo; everything in `stops` is stopped when it resolves or rejects. */
export async function onStage<T>(json: boolean, run: (stage: Stage) => Promise<T>): Promise<T> {
  const say = (line: string) => void (json ? process.stderr : process.stdout).write(`${line}\n`);
  const stops: (() => Promise<unknown>)[] = [];
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await run({ say, stops, interrupted: interrupted.signal });
  } finally {
    for (const stop of stops.splice(0).reverse())
      await stop().catch((error: Error) => say(`while stopping: ${error.message}`));
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** Removes what an earlier run left in `dataDir`, its database server included. Returns the folder of the lab's records. */
export async function emptyLab(dataDir: string): Promise<string> {
  const labDir = path.join(dataDir, 'lab');
  await stopEmbedded(dataDir);
  await removeEmbedded(dataDir);
  await rm(dataDir, { recursive: true, force: true });
  await mkdir(labDir, { recursive: true });
  return labDir;
}

/** What starts as a window begins has a whole first day. */
export async function untilWindowBegins(calendar: Calendar): Promise<void> {
  await sleep(Math.max(0, windowOf(Date.now(), calendar).end - Date.now()) + 20);
}
