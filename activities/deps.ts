/** What the composition root hands to activities. */
import type { ConfiguredGates } from '../policy/gates/configured.ts';
import type { Lookup } from '../policy/preflight/check.ts';
import type { Dnsbl } from '../policy/preflight/dnsbl.ts';
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

/** DNS lists, and how to ask them. */
export interface ListingPort {
  readonly lists: readonly Dnsbl[];
  /** Can a list know this address? One that nobody outside sees is in none. */
  readonly covers: (address: string) => boolean;
  /** For one round of questions: what A records a name has. Never rejects. */
  readonly open: () => (name: string) => Promise<Lookup>;
}

export interface ActivityDeps {
  readonly store: Store;
  readonly seeds: readonly SeedAccount[];
  readonly placement: PlacementSettings;
  /** Providers whose complaints come back as reports (enrolled feedback loops). */
  readonly complaintFeeds: readonly string[];
  /** Is there a feed that tells what becomes of this upstream's mail? Absent: there is none. */
  readonly told?: (pool: string) => boolean;
  /** Gates as they are configured, for lanes that follow no plan; a plan has its own. Absent: the shipped ones. */
  readonly gates?: ConfiguredGates;
  /** Absent: no list is asked, and what lists say is not configured. */
  readonly listings?: ListingPort;
  readonly now: () => number;
  readonly log: (event: string, fields?: Record<string, unknown>) => void;
}

/** A refusal the caller can do something about: never retried, shown as it is. */
export class BadInput extends Error {
  readonly code = 'bad-input';
}
