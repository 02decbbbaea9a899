/**
 * Looks for probes that are on their way, some times between two runs (activities/probe.ts): an evaluation that hears of a
 * collapse on the day it happens holds a day earlier.
 */
import { type Calendar, planMs } from '../policy/calendar.ts';
import { beside } from './beside.ts';
import type { ActivityDeps } from './deps.ts';
import { lookAgain } from './probe.ts';

/** Plan time between two looks, and the least of it in real time. */
const EVERY_MS = 6 * 3_600_000;
const LEAST_MS = 2_000;

export interface PlacementReader {
  look(calendar: Calendar): void;
  stop(beat: () => void): Promise<void>;
}

export function placementReader(deps: ActivityDeps): PlacementReader {
  let looked = deps.now();
  const work = beside(
    () => lookAgain(deps),
    (error) => deps.log('placements-not-read', { error: error.message }),
  );
  return {
    look: (calendar) => {
      const now = deps.now();
      if (deps.seeds.length === 0 || now - looked < Math.max(LEAST_MS, planMs(EVERY_MS, calendar))) return;
      looked = now;
      work.begin();
    },
    stop: work.stop,
  };
}
