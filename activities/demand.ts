/** How much mail there is for lanes whose ceiling has stood still: counted only where it may end their ramp. */
import { type Calendar, windowAt } from '../policy/calendar.ts';
import { DEFAULTS } from '../policy/defaults.ts';
import type { LaneDemand } from '../policy/graduation.ts';
import type { Queryable } from '../store/connect.ts';
import { peakDemand, settledWindows } from '../store/demand.ts';
import type { LaneRow } from '../store/lanes.ts';

/** By provider; lanes that grow, or whose ceiling has not stood for long enough, have no entry. */
export async function demandOf(
  db: Queryable,
  about: {
    readonly address: string;
    readonly lanes: readonly LaneRow[];
    readonly calendar: Calendar;
    readonly window: number;
  },
): Promise<ReadonlyMap<string, LaneDemand>> {
  const { address, lanes, calendar, window } = about;
  const growing = lanes.filter(({ phase }) => phase === 'ramping' || phase === 'holding' || phase === 'graduating');
  const { settledWindows: least, lookbackWindows } = DEFAULTS.demand;
  const settled = growing.length === 0 ? [] : await settledWindows(db, address, window);
  const still = settled.filter(
    ({ provider, windows }) => windows >= least && growing.some((lane) => lane.provider === provider),
  );
  if (still.length === 0) return new Map();
  const days = Array.from({ length: lookbackWindows }, (_, back) => windowAt(window - back, calendar));
  const peaks = await peakDemand(
    db,
    address,
    still.map(({ provider }) => provider),
    days,
  );
  return new Map(still.map(({ provider, ...seen }) => [provider, { ...seen, peak: peaks.get(provider) ?? 0 }]));
}
