/** One lane with everything that may bind it, read from PostgreSQL: the same for `warmup status` and `why`. */
import { planMs, type Window, windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import type { Hold } from '../../policy/holds.ts';
import { isCold } from '../../policy/lane.ts';
import type { Queryable } from '../../store/connect.ts';
import { type GrantRow, grantsAround } from '../../store/grants.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { ProcessRow } from '../../store/processes.ts';
import { type Binding, whatBinds } from './binding.ts';

/** What is true of all lanes at once. */
export interface Around {
  readonly holds: readonly Hold[];
  readonly processes: readonly ProcessRow[];
  readonly now: number;
}

export interface LaneFacts {
  readonly lane: LaneRow;
  readonly cold: boolean;
  readonly window: Window;
  readonly grant: GrantRow | undefined;
  /** Living MTA processes of the address's node. */
  readonly mtas: number;
  readonly binds: Binding;
}

export async function laneFacts(db: Queryable, lane: LaneRow, { holds, processes, now }: Around): Promise<LaneFacts> {
  const window = windowOf(now, lane.calendar);
  const around = await grantsAround(db, lane.address, lane.provider, window.index, 1);
  const grant = around.find((row) => row.windowIndex === window.index);
  const previous = around.find((row) => row.windowIndex === window.index - 1);
  // A warm lane that was idle for a week counts as cold to the MTA at once.
  const idle = now - (lane.lastSentAt ?? lane.phaseSince) > planMs(DEFAULTS.idleMs, lane.calendar);
  const cold = isCold(lane.phase) || idle;
  const mtas = processes.filter(({ role, node, alive }) => role === 'mta' && node === lane.node && alive).length;
  const binds = whatBinds({ lane, cold, holds, mta: mtas > 0, window, grant, previous, now });
  return { lane, cold, window, grant, mtas, binds };
}
