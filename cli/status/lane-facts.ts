/** One lane with everything that may bind it, read from PostgreSQL: the same for `warmup status` and `why`. */
import { planMs, type Window, windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { type Easing, type Hold, isEasing } from '../../policy/holds.ts';
import { isCold } from '../../policy/lane.ts';
import type { Queryable } from '../../store/connect.ts';
import { type GrantRow, grantsAround } from '../../store/grants.ts';
import { easings, liveHolds } from '../../store/holds.ts';
import { type JointBudgetRow, jointBudgetOf } from '../../store/joint-budget.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { neverBound } from '../../store/preflights.ts';
import { type ProcessRow, processRows } from '../../store/processes.ts';
import { type Waiting, waitingAddresses } from '../../store/ranges.ts';
import { type Binding, notBound, whatBinds } from './binding.ts';

/** What is true of all lanes at once. */
export interface Around {
  readonly holds: readonly Hold[];
  readonly processes: readonly ProcessRow[];
  /** Stops that were lifted a short time ago. */
  readonly easings: readonly Easing[];
  /** Addresses that wait for their turn in a range. */
  readonly waiting: readonly Waiting[];
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
  /** What the pool's cold lanes have together in the open window, where the lane got less than it asked for. */
  readonly joint: JointBudgetRow | undefined;
  /** Until when (ms) it comes back slowly after a stop, or null. */
  readonly easedUntil: number | null;
}

/** Reads what is true of all lanes. */
export async function around(db: Queryable, now: number): Promise<Around> {
  const [holds, processes, slow] = [await liveHolds(db), await processRows(db), await easings(db)];
  return { holds, processes, easings: slow, waiting: await waitingAddresses(db), now };
}

export async function laneFacts(db: Queryable, lane: LaneRow, all: Around): Promise<LaneFacts> {
  const { holds, processes, now } = all;
  const window = windowOf(now, lane.calendar);
  const around = await grantsAround(db, lane.address, lane.provider, window.index, 1);
  const grant = around.find((row) => row.windowIndex === window.index);
  const previous = around.find((row) => row.windowIndex === window.index - 1);
  // A warm lane that was idle for a week counts as cold to the MTA at once.
  const idle = now - (lane.lastSentAt ?? lane.phaseSince) > planMs(DEFAULTS.idleMs, lane.calendar);
  const cold = isCold(lane.phase) || idle;
  const mtas = processes.filter(({ role, node, alive }) => role === 'mta' && node === lane.node && alive).length;
  // Read where it took something: a status of many lanes must not ask for each.
  const trimmed = cold && grant !== undefined && grant.units < grant.planUnits;
  const joint = trimmed ? await jointBudgetOf(db, lane.pool, lane.provider, window.index) : undefined;
  const turn = all.waiting.find(({ address }) => address === lane.address);
  const free = whatBinds({ lane, cold, holds, mta: mtas > 0, window, grant, previous, now, joint, turn });
  const unbound = free.rule === 'none' && lane.lastSentAt === null && (await neverBound(db, lane.address));
  const binds = unbound ? notBound(lane) : free;
  const slow = all.easings.filter((one) => isEasing([one], { ...lane, cold }, now)).map((one) => one.until);
  return { lane, cold, window, grant, mtas, binds, joint, easedUntil: slow.length === 0 ? null : Math.max(...slow) };
}
