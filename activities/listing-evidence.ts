/** What DNS lists said of an address, for a decision: how old it is, and since when it is listed. */
import { type Calendar, planMs } from '../policy/calendar.ts';
import type { ListingSeen } from '../policy/gates/listing.ts';
import type { Queryable } from '../store/connect.ts';
import { listingChecks } from '../store/listings.ts';
import type { ActivityDeps } from './deps.ts';

const HOUR = 3_600_000;

/** A row a configured list, and one a list that was taken out of the configuration and still has it; undefined: none is asked. */
export async function listingsSeen(
  deps: ActivityDeps,
  db: Queryable,
  address: string,
  calendar: Calendar,
  now: number,
): Promise<ListingSeen[] | undefined> {
  const { listings } = deps;
  if (listings === undefined || !listings.covers(address)) return undefined;
  const rows = await listingChecks(db, address);
  const hour = planMs(HOUR, calendar);
  return rows.flatMap((row): ListingSeen[] => {
    const list = listings.lists.find(({ zone }) => zone === row.zone);
    if (list === undefined && row.listedSince === null) return [];
    const { zone, codes, listedSince: since, answeredAt, problem } = row;
    const ageHours = answeredAt === null ? null : Math.max(0, now - answeredAt) / hour;
    return [{ zone, listed: list?.listed ?? 'warn', codes, since, ageHours, problem }];
  });
}
