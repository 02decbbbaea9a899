/**
 * Starts the addresses of a range whose day has come. Every start is an operation of its own, named by range and address:
 * whatever is repeated after a crash finds it done. Days are reckoned from now each time (policy/ranges/stagger.ts), so
 * an absence of a week is followed by the next addresses, not by a week's worth of them.
 */
import { windowOf } from '../policy/calendar.ts';
import { calendarOf } from '../policy/plan.ts';
import { summaryText } from '../policy/preflight/check.ts';
import { nextSending, stagger } from '../policy/ranges/stagger.ts';
import { addNotice } from '../store/decisions.ts';
import {
  endRange,
  markFailed,
  markStarted,
  quarantinedIn,
  type RangeAddressRow,
  type RangeRow,
  rangeAddresses,
  rangeRow,
  setDue,
} from '../store/ranges.ts';
import { type ActivityDeps, BadInput } from './deps.ts';
import { startRamp } from './ramps.ts';
import type { RangeStep } from './types.ts';

/**
 * One look at a range: starts what is due, and says when to look again (null: nobody waits any more). `beat` is called
 * with every address: one that stopped beating is run again elsewhere, which harms nothing.
 */
export async function startDue(
  deps: ActivityDeps,
  input: { readonly range: string },
  beat: () => void = () => {},
): Promise<RangeStep> {
  const range = await rangeRow(deps.store, input.range);
  if (range === undefined || range.endedAt !== null) return { started: [], nextAt: null };
  const began = deps.now();
  // Reckoned anew before every start: a slow one may end in another day than it began in.
  for (;;) {
    beat();
    const rows = await rangeAddresses(deps.store, range.id);
    const left = days(range, rows, deps.now());
    const next = left[0];
    const row = rows.find(({ address }) => address === next?.address);
    if (next === undefined || row === undefined || next.at > deps.now()) {
      await setDue(deps.store, range.id, left, null);
      if (next === undefined) await endRange(deps.store, range.id, deps.now());
      return { started: begunSince(range, rows, began), nextAt: next?.at ?? null };
    }
    const quarantined = await quarantinedIn(deps.store, range.id);
    if (quarantined[0] !== undefined) return putOff(deps, range, rows, quarantined[0]);
    await startOne(deps, range, row);
  }
}

/** The days of those that wait, as of `now` (ms). */
function days(range: RangeRow, rows: readonly RangeAddressRow[], now: number) {
  return stagger({
    waiting: rows.filter(({ state }) => state === 'waiting').map(({ address }) => address),
    perDay: range.perDay,
    begunToday: begunSince(range, rows, now).length,
    now,
    calendar: calendarOf(range.plan, range.calendar),
  });
}

/** Addresses whose ramp began since the start of the window that holds an instant: also those of a look that died too early to say so. */
function begunSince(range: RangeRow, rows: readonly RangeAddressRow[], instant: number): string[] {
  const { start } = windowOf(instant, calendarOf(range.plan, range.calendar));
  return rows.flatMap(({ address, startedAt }) => (startedAt !== null && startedAt >= start ? [address] : []));
}

async function startOne(deps: ActivityDeps, range: RangeRow, row: RangeAddressRow): Promise<void> {
  const { address, preflight } = row;
  try {
    const result = await startRamp(deps, {
      address,
      operationId: `range/${range.id}/${address}`,
      actor: range.actor,
      reason: `${range.reason} (range ${range.written})`,
      plan: range.plan.name,
      drawn: range.plan,
      fromZero: range.fromZero,
      ...(preflight === null ? {} : { preflight: { id: preflight.id, says: summaryText(preflight.checks) } }),
    });
    await markStarted(deps.store, range.id, address, result.rampId);
  } catch (error) {
    // What was fine when the range was asked for may not be now. The others go on; somebody is told.
    if (!(error instanceof BadInput)) throw error;
    await markFailed(deps.store, range.id, address, error.message);
    const subject = `${address} of range ${range.written} did not start`;
    await addNotice(deps.store, 'range-failed', subject, { range: range.id, address, reason: error.message });
  }
}

/** A provider condemned one of them: its neighbours wait a day, and again, until a person has released or looked at it. */
async function putOff(
  deps: ActivityDeps,
  range: RangeRow,
  rows: readonly RangeAddressRow[],
  lane: { readonly address: string; readonly provider: string },
): Promise<RangeStep> {
  const calendar = calendarOf(range.plan, range.calendar);
  const tomorrow = nextSending(windowOf(deps.now(), calendar), calendar).start;
  const waiting = days(range, rows, tomorrow);
  const says = `waits: the ${lane.provider} lane of ${lane.address} is quarantined (release it with warmup resume, or take the rest out with warmup withdraw)`;
  const before = rows.find(({ state }) => state === 'waiting')?.says;
  await setDue(deps.store, range.id, waiting, says);
  if (before !== says)
    await addNotice(deps.store, 'range-waits', `range ${range.written} ${says}`, { range: range.id, ...lane });
  return { started: [], nextAt: tomorrow };
}
