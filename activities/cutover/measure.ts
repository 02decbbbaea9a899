/** From rows to what the arms show: who is measured for what, and the judgements of policy. */
import { planMs, type Window, windowAt, windowOf } from '../../policy/calendar.ts';
import {
  type ArmFeed,
  type ArmHour,
  COMPARED,
  COVERED,
  type CutJudgement,
  campaignsOnBoth,
  coverage,
  type EvidenceInput,
  judgeArms,
} from '../../policy/cutover/evidence.ts';
import { pointsOf } from '../../policy/cutover/ladder.ts';
import type { Arm } from '../../policy/cutover/split.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import {
  type ArmHoursQuery,
  armHours,
  firstUntoldHour,
  keepHours,
  keptHours,
  lastKeptHour,
} from '../../store/arm-hours.ts';
import type { Queryable } from '../../store/connect.ts';
import { cutoverProbes } from '../../store/cutover-probes.ts';
import type { CutoverRow } from '../../store/cutovers.ts';
import { poolRows } from '../../store/pools.ts';
import type { ActivityDeps } from '../deps.ts';
import type { Shares, Situation } from './shares.ts';

const HOUR = 3_600_000;

export interface Measured {
  readonly judgements: readonly CutJudgement[];
  readonly campaigns: number;
  readonly rows: readonly ArmHour[];
}

/** Judges the arms on the mail sent since the cutover's evidence began. */
export async function measureArms(
  deps: ActivityDeps,
  db: Queryable,
  row: CutoverRow,
  of: Situation,
  shares: Shares,
  now: number,
): Promise<Measured> {
  const { calendar, plan, front } = row;
  const hourMs = planMs(HOUR, calendar);
  const deferralAfterMs = planMs(DEFAULTS.deferralAfterMs, calendar);
  const rows = await hoursOf(db, row, of.window, { front, to: now, hourMs, deferralAfterMs });
  const placement = await pairsOf(db, row);
  const input: EvidenceInput = {
    ...{ rows, now, hourMs, plan },
    dayOf: (instant) => windowOf(instant, calendar).index,
    feeds: {
      old: await feedsOf(deps, db, row.oldArm, 'old', { rows, now, hourMs }),
      new: await feedsOf(deps, db, row.newArm, 'new', { rows, now, hourMs }),
    },
    perDay: shares.perDay,
    perHour: shares.perDay / 24,
    ...(placement.pairs === 0 ? {} : { placement }),
  };
  // Below the first rung there is nothing to judge, only the old arm's own rates to keep.
  if (pointsOf(of.ladder, row.rung) <= 0) return { judgements: [], campaigns: 0, rows };
  return { judgements: judgeArms(input), campaigns: campaignsOnBoth(input), rows };
}

/** Windows whose mail may still be answered or reported: they are counted anew at each look. */
const OPEN_WINDOWS = 3;
/** Events of another engine may be so many windows late: until then hours that lack them are counted anew as well. */
const LATE_WINDOWS = 14;

/**
 * Counts of the mail since the evidence began; what is older than its reports is not read again. Where an engine's events
 * were late by days (its log was not read, say), the hours they are about are counted once they are here.
 */
async function hoursOf(
  db: Queryable,
  row: CutoverRow,
  window: Window,
  query: Omit<ArmHoursQuery, 'from'>,
): Promise<ArmHour[]> {
  const last = await lastKeptHour(db, row.id);
  const open = windowAt(window.index - OPEN_WINDOWS, row.calendar).start;
  // After an absence all that nobody counted; hours are whole ones, or a part of one would be kept for the whole.
  const oldest = windowAt(window.index - LATE_WINDOWS, row.calendar).start;
  const untold = await firstUntoldHour(db, row.id, oldest, COVERED);
  const known = last === null ? row.startedAt : Math.min(open, last, untold ?? last);
  const since = Math.max(row.startedAt, known);
  const from = Math.floor(since / query.hourMs) * query.hourMs;
  await keepHours(db, row.id, from, await armHours(db, { ...query, from }));
  return keptHours(
    db,
    row.id,
    Math.floor(row.evidenceSince / query.hourMs) * query.hourMs +
      (row.evidenceSince > row.startedAt ? query.hourMs : 0),
  );
}

type Feeds = EvidenceInput['feeds'][Arm];

/** Addresses of ours are measured by our own attempts; an upstream by the events it gives of itself. */
async function feedsOf(
  deps: ActivityDeps,
  db: Queryable,
  pool: string,
  arm: Arm,
  { rows, now, hourMs }: Pick<EvidenceInput, 'rows' | 'now' | 'hourMs'>,
): Promise<Feeds> {
  const upstream = (await poolRows(db)).find(({ name }) => name === pool)?.upstream != null;
  const all = (feed: ArmFeed, complaint: ArmFeed): Feeds => ({
    ...(Object.fromEntries(COMPARED.map((metric) => [metric, feed])) as Feeds),
    complaint,
  });
  if (!upstream) return all('ok', deps.complaintFeeds.length > 0 ? 'ok' : 'none');
  const feed = coverage(rows, arm, now, hourMs, deps.told?.(pool) ?? false);
  // An engine's events rarely hold complaints: only where some came is their absence one.
  return all(feed, rows.some((row) => row.arm === arm && row.complaints > 0) ? feed : 'none');
}

/** Probes of a pair that both were found: in how many the new arm's was worse, and better. */
async function pairsOf(db: Queryable, row: CutoverRow): Promise<{ worse: number; better: number; pairs: number }> {
  const probes = (await cutoverProbes(db, row.id, row.evidenceSince)).filter((probe) => probe.rung >= 0);
  const sums = { worse: 0, better: 0, pairs: 0 };
  for (const pair of Map.groupBy(probes, (probe) => probe.pair).values()) {
    const inInbox = (arm: Arm) => {
      const placement = pair.find((probe) => probe.arm === arm)?.placement;
      return placement == null || placement === 'unobserved' ? null : placement === 'inbox' || placement === 'tab';
    };
    const [old, ours] = [inInbox('old'), inInbox('new')];
    if (old === null || ours === null) continue;
    sums.pairs += 1;
    if (old && !ours) sums.worse += 1;
    if (ours && !old) sums.better += 1;
  }
  return sums;
}
