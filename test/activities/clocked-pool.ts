/** A pool under a calendar of weekdays and a clock that tests set: activities run as they are, without Temporal. */
import assert from 'node:assert/strict';
import { after, beforeEach } from 'node:test';
import type { ActivityDeps } from '../../activities/deps.ts';
import { evaluate } from '../../activities/evaluate.ts';
import { evaluationTimes } from '../../activities/evaluation-times.ts';
import { startRamp } from '../../activities/ramps.ts';
import { type Calendar, windowOf } from '../../policy/calendar.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { allGrants } from '../../store/grants.ts';
import { type LaneRow, lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { startDatabase } from './database.ts';
import { commit, outcome } from './feeder.ts';

export const db = await startDatabase();
after(() => db.remove());

export const COLD = '198.51.100.8';
export const WARM = '198.51.100.9';
export const HOUR = 3_600_000;
export const MONDAY = Date.UTC(2030, 0, 7);
export const weekdays: Calendar = {
  kind: 'civil',
  zone: 'UTC',
  sendDays: [1, 2, 3, 4, 5],
  sendHours: { from: 0, to: 24 },
};
export const monday = windowOf(MONDAY, weekdays).index;

/** The time it is for activities. */
export const clock = { now: MONDAY };
let operations = 0;
export const deps: ActivityDeps = {
  store: db.store,
  seeds: [],
  placement: { minCeiling: 500, share: 0.01, minObserved: 3, collapse: 0.5, everyWindows: 1, seeds: 5 },
  complaintFeeds: [],
  now: () => clock.now,
  log: () => {},
};

beforeEach(anew);

/** The pool as at a Monday's midnight, without a past. */
export async function anew(): Promise<void> {
  await db.clear();
  clock.now = MONDAY;
  await upsertPool(db.store, { name: 'marketing', overflow: 'warm-peers', calendar: weekdays });
  await known(COLD, 'planned');
  await known(WARM, 'warm');
}

export async function known(
  address: string,
  phase: 'planned' | 'warm',
  providers = ['google', 'yahoo'],
  normal = 2_000,
) {
  const ceiling = phase === 'warm' ? normal : 0;
  await upsertAddress(
    db.store,
    { address, pool: 'marketing', node: 'n', ehloName: 'a.example' },
    providers.map((provider) => ({ provider, phase, ceiling, normal })),
  );
  // Lanes are made at the database's time, the tests live in another year.
  await db.store.query('update lanes set phase_since = $2 where address = $1 and last_sent_at is null', [
    address,
    new Date(clock.now),
  ]);
}

export const by = () => ({ actor: 'ada', reason: 'test', operationId: `op-${++operations}` });
export const order = () => ({ ...by(), plan: 'six-week', start: 100, targets: { default: 400 }, days: 10 });
export const start = (address = COLD) => startRamp(deps, { ...order(), address });

export async function lane(provider = 'google', address = COLD): Promise<LaneRow> {
  const found = (await lanesOf(db.store, address)).find((row) => row.provider === provider);
  assert.ok(found);
  return found;
}

export async function grants(provider = 'google', address = COLD): Promise<Record<number, number>> {
  const rows = (await allGrants(db.store)).filter((row) => row.address === address && row.provider === provider);
  return Object.fromEntries(rows.map((row) => [row.windowIndex - monday, row.units]));
}

export async function look(at: 'middle' | 'final', address = COLD) {
  clock.now = evaluationTimes(windowOf(clock.now, weekdays), address)[at];
  return evaluate(deps, { operationId: `look-${++operations}`, address, trigger: 'schedule' });
}

/** Uses a share of the running window's grant on every cold lane, an hour into the window. */
export async function mail(over: object = {}, share = 1) {
  const window = windowOf(clock.now, weekdays);
  for (const grant of await allGrants(db.store)) {
    if (grant.address !== COLD || grant.windowIndex !== window.index) continue;
    const one = { address: COLD, provider: grant.provider, at: window.start + HOUR, windowIndex: window.index };
    await commit(
      db.store,
      Array.from({ length: Math.floor(grant.units * share) }, () => outcome({ ...one, ...over })),
    );
  }
}

/** A day with all its mail and both its evaluations; ends at the next midnight. */
export async function day(over: object = {}, share = 1) {
  await mail(over, share);
  await look('middle');
  await look('final');
  clock.now = windowOf(clock.now, weekdays).end;
}

export async function hold(cause: string, over: { scope?: string; target?: string; since?: number } = {}) {
  await db.store.query(
    `insert into holds (scope, target, reach, cause, actor, reason, since) values ($1, $2, 'all', $3, 'rampart', 'test', $4)`,
    [over.scope ?? 'lane', over.target ?? `${COLD} google`, cause, new Date(over.since ?? clock.now)],
  );
}

export const told = async (provider = 'google') =>
  (await decisionsOf(db.store, COLD, provider)).map((row) => `${row.window - monday} ${row.kind} ${row.toStage}`);
