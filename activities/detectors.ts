/**
 * The change detectors between evaluations: once a plan hour each address's are given what is new, and what crosses is
 * held at once. A look costs a query over two days of the address's mail; older days are read again only after a report
 * about them came in.
 */
import { planMs, windowOf } from '../policy/calendar.ts';
import { gatesOfPool } from '../policy/gates/configured.ts';
import { gatesOf } from '../policy/gates/settings.ts';
import { reportsSince } from '../store/cohorts.ts';
import { tx } from '../store/connect.ts';
import { StaleRevision } from '../store/decisions.ts';
import { liveHolds } from '../store/holds.ts';
import { type AddressRow, addressRows, fenceLane, type LaneRow, lanesOf, rampsOf } from '../store/lanes.ts';
import { alarmsOf, placeAlarms } from './alarms.ts';
import type { ActivityDeps } from './deps.ts';
import { complaintFeeds, gatherEvidence } from './evidence.ts';
import { LOOK_BACK, stepGates } from './gates.ts';
import { laneGates } from './lane-gates.ts';

const HOUR = 3_600_000;
/** However short a compressed day's hour is: a look costs some queries. */
const LEAST_MS = 2_000;

export interface HourlyDetectors {
  /** Looks at the addresses whose hour is over; `beat` is called between them. */
  look(beat: () => void): Promise<void>;
}

export function hourlyDetectors(deps: ActivityDeps): HourlyDetectors {
  const looked = new Map<string, number>();
  return {
    look: async (beat) => {
      for (const row of await addressRows(deps.store)) {
        const last = looked.get(row.address);
        const now = deps.now();
        if (last !== undefined && now - last < Math.max(LEAST_MS, planMs(HOUR, row.calendar))) continue;
        beat();
        looked.set(row.address, now);
        try {
          await lookAt(deps, row, last);
        } catch (error) {
          // A lane was decided on meanwhile: all of this is undone, and the next look counts the same news.
          if (!(error instanceof StaleRevision)) throw error;
          looked.delete(row.address);
        }
      }
    },
  };
}

/** `last`: when this process looked before, ms; absent: never, so the whole week is read. */
async function lookAt(deps: ActivityDeps, row: AddressRow, last: number | undefined): Promise<void> {
  const { address } = row;
  await tx(deps.store, async (db) => {
    const now = deps.now();
    const lanes = (await lanesOf(db, address)).filter((lane) => lane.phase !== 'planned');
    if (lanes.length === 0) return;
    const ramps = await rampsOf(db, address);
    const calendar = ramps[0]?.calendar ?? row.calendar;
    const today = windowOf(now, calendar);
    const loose = gatesOfPool(deps.gates, row.pool);
    const plans = new Map(ramps.map((ramp) => [ramp.id, ramp.plan]));
    const settings = (lane: LaneRow) => laneGates(lane, plans, loose);
    const holds = await liveHolds(db);
    const feeds = await complaintFeeds(deps, db, lanes, calendar, now);
    const whole = last === undefined || last < today.start || (await reportsSince(db, address, last));
    const gates = await stepGates(db, {
      ...{ address, lanes, calendar, now, feeds },
      levels: gatesOf(ramps[0] === undefined ? loose : ramps[0].plan.gates).levels,
      levelsOf: (lane) => settings(lane).levels,
      suspended: holds.filter((hold) => hold.scope === 'campaign').map((hold) => hold.target),
      windows: whole ? LOOK_BACK + 1 : 2,
    });
    const evidence = await gatherEvidence(deps, db, gates, {
      ...{ address, lanes, calendar, window: today.index, now, feeds, settings },
    });
    const followsPlan = (lane: LaneRow) => ramps.some((ramp) => ramp.id === lane.rampId);
    const alarms = alarmsOf(deps, { lanes, evidence, gates, settings, followsPlan, calendar, now, stepBacks: true });
    const fenced = new Set<LaneRow>();
    for (const hold of await placeAlarms(db, alarms, holds)) {
      deps.log('gate-crossed', { target: hold.target, cause: hold.cause, reason: hold.reason });
      const lane = alarms.find((one) => one.hold.target === hold.target && one.hold.cause === hold.cause)?.lane;
      if (lane !== undefined) fenced.add(lane);
    }
    // An evaluation that runs now may answer the same sum without these holds: one of the two must read again.
    for (const lane of fenced)
      if (!(await fenceLane(db, lane.address, lane.provider, lane.revision))) throw new StaleRevision(lane.provider);
    await gates.save();
  });
}
