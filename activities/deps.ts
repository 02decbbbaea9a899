/** What the composition root hands to activities. */
import type { SeedAccount } from '../seeds/mailbox.ts';
import type { Store } from '../store/connect.ts';

export interface PlacementSettings {
  /** Below this ceiling placement is not configured on a lane. */
  readonly minCeiling: number;
  /** Largest share of a window's grant that probes may use. */
  readonly share: number;
  readonly minObserved: number;
  readonly collapse: number;
  /** Probe every n-th window. */
  readonly everyWindows: number;
  /** Seeds asked in one run. */
  readonly seeds: number;
}

export interface ActivityDeps {
  readonly store: Store;
  readonly seeds: readonly SeedAccount[];
  readonly placement: PlacementSettings;
  /** Providers whose complaints come back as reports (enrolled feedback loops). */
  readonly complaintFeeds: readonly string[];
  readonly now: () => number;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** A refusal the caller can do something about: never retried, shown as it is. */
export class BadInput extends Error {
  readonly code = 'bad-input';
}
