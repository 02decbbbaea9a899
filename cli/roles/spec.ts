/** What an instance is made of, resolved: every default filled in, every secret read. Plain data, sent to role processes. */
import type { PlacementSettings } from '../../activities/deps.ts';
import type { MtaSettings } from '../../mta/settings.ts';
import type { Calendar } from '../../policy/calendar.ts';
import type { SeedAccount } from '../../seeds/mailbox.ts';

export interface AddressSpec {
  readonly ip: string;
  readonly ehloName: string;
  readonly standing: 'cold' | 'warm';
  /** The provider's normal limit for the address, messages a day, by provider key or `default`. */
  readonly normal: Readonly<Record<string, number>>;
}

export interface PoolSpec {
  readonly name: string;
  readonly overflow: 'warm-peers' | 'wait';
  readonly addresses: readonly AddressSpec[];
}

export interface InstanceSpec {
  /** Absolute path. */
  readonly dataDir: string;
  readonly node: string;
  readonly calendar: Calendar;
  readonly pools: readonly PoolSpec[];
  readonly providers: readonly string[];
  readonly mtaProcesses: number;
  readonly mta: Omit<MtaSettings, 'name' | 'node' | 'databaseUrl' | 'log'>;
  readonly seeds: readonly SeedAccount[];
  readonly placement: PlacementSettings;
  readonly complaintFeeds: readonly string[];
}

/** What a role process is sent by its parent. */
export interface RoleOrders {
  readonly spec: InstanceSpec;
  readonly name: string;
  readonly databaseUrl: string;
  /** host:port of the local Temporal server; absent: TEMPORAL_ADDRESS. */
  readonly temporalAddress?: string;
}
