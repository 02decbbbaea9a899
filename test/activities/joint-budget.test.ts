import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../activities/evaluate.ts';
import { evaluationTimes } from '../../activities/evaluation-times.ts';
import { startRamp } from '../../activities/ramps.ts';
import { windowOf } from '../../policy/calendar.ts';
import { drawOwn } from '../../policy/plan.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { allGrants } from '../../store/grants.ts';
import { jointBudgetOf } from '../../store/joint-budget.ts';
import { lanesOf } from '../../store/lanes.ts';
import { by, clock, db, deps, HOUR, known, monday, weekdays } from './clocked-pool.ts';
import { commit, outcome } from './feeder.ts';

const MANY = Array.from({ length: 6 }, (_, n) => `203.0.113.${n + 1}`);
const fast = drawOwn('fast', { rows: { default: [100, 200, 400, 800, 1_600] } });

const begin = (address: string, drawn = fast) => startRamp(deps, { ...by(), plan: drawn.name, drawn, address });

/** Deliveries that a pass needs where a plan multiplies: beyond what the grants counted. */
const EVIDENCE = 700;

/** Sends the running window's grants of these addresses, as the MTA counts it, with evidence enough to advance. */
async function send(addresses: readonly string[], share = 1): Promise<void> {
  const window = windowOf(clock.now, weekdays);
  for (const grant of await allGrants(db.store)) {
    if (!addresses.includes(grant.address) || grant.windowIndex !== window.index) continue;
    const { address, provider } = grant;
    const units = Math.floor(grant.units * share);
    const at = window.start + HOUR;
    await commit(
      db.store,
      Array.from({ length: units + EVIDENCE }, () => outcome({ address, provider, at, windowIndex: window.index })),
    );
    await db.store.query('update grants set handed = $4 where address = $1 and provider = $2 and window_index = $3', [
      address,
      provider,
      window.index,
      units,
    ]);
  }
}

let looks = 0;
const look = (address: string) => evaluate(deps, { operationId: `joint-${++looks}`, address, trigger: 'schedule' });

/** The running window's final evaluations, several addresses at once, then midnight. */
async function evening(addresses: readonly string[], order: (a: string, b: string) => number = () => 0): Promise<void> {
  const window = windowOf(clock.now, weekdays);
  clock.now = Math.max(...addresses.map((address) => evaluationTimes(window, address).final));
  await Promise.all(addresses.toSorted(order).map(look));
  clock.now = window.end;
}

async function sumOf(day: number, provider = 'google'): Promise<number> {
  const rows = (await allGrants(db.store)).filter(
    (grant) => grant.provider === provider && grant.windowIndex === monday + day && MANY.includes(grant.address),
  );
  return rows.reduce((sum, grant) => sum + grant.units, 0);
}

const budget = (day: number) => jointBudgetOf(db.store, 'marketing', 'google', monday + day);

test('one ramp alone follows its plan, whatever it sent', async () => {
  const [one = ''] = MANY;
  await known(one, 'planned', ['google']);
  await begin(one, drawOwn('steep', { rows: { default: [100, 900, 8_000] }, advance: 'calendar' }));
  await send([one], 0.5);
  await evening([one]);
  assert.deepEqual([await sumOf(0), await sumOf(1)], [100, 900]);
  assert.equal((await lanesOf(db.store, one))[0]?.stage, 1);
});

test('six ramps that begin at once share the floor, and who comes late gets nothing that day', async () => {
  for (const address of MANY) await known(address, 'planned', ['google']);
  await Promise.all(MANY.map((address) => begin(address)));
  assert.equal(await sumOf(0), 500);
  const reasons = (await Promise.all(MANY.map((address) => decisionsOf(db.store, address, 'google')))).map(
    (rows) => rows[0]?.reason ?? '',
  );
  assert.equal(
    reasons.filter((reason) => /joint budget: the 6 cold lanes .* 500 on 2030-01-07 .*: 0 of 100/.test(reason)).length,
    1,
  );
});

test('ramps evaluated at once stay within the growth cap together, and none is starved', async () => {
  const lanes = MANY.slice(0, 5);
  for (const address of lanes) await known(address, 'planned', ['google', 'yahoo']);
  for (const address of lanes) await begin(address);
  // 500 on Monday; the plan wants 5 × 200, 5 × 400, … and the cap is 2 to 10,000: never slower than the plan allows it.
  await send(lanes);
  await evening(lanes);
  assert.equal(await sumOf(1), 1_000);
  // Half is sent: the lanes hold as volume-limited, and may not together have more than twice of it.
  await send(lanes, 0.3);
  await evening(lanes, (a, b) => (a < b ? 1 : -1));
  const found = await budget(2);
  assert.ok(found !== undefined && (await sumOf(2)) <= found.budget);
  assert.equal(found.budget, 1_000, 'twice the best day, which was Monday with 500');
});

test('a plan that multiplies is held back together: stages stay, ceilings rise as far as the budget goes, and the reason says so', async () => {
  const steep = drawOwn('steep', { rows: { default: [100, 1_000, 10_000] } });
  const lanes = MANY.slice(0, 4);
  for (const address of lanes) await known(address, 'planned', ['google']);
  for (const address of lanes) await begin(address, steep);
  await send(lanes);
  await evening(lanes);
  // The largest single plan may always have its 1,000; four of them together may not have 4,000.
  assert.equal(await sumOf(1), 1_000);
  const rows = await Promise.all(lanes.map(async (address) => (await lanesOf(db.store, address))[0]));
  assert.deepEqual(
    rows.map((row) => [row?.stage, row?.ceiling]),
    lanes.map(() => [0, 250]),
  );
  const last = (await decisionsOf(db.store, lanes[0] ?? '', 'google')).at(-1);
  assert.deepEqual([last?.kind, last?.toStage, last?.toCeiling], ['advance', 0, 250]);
  assert.match(
    last?.reason ?? '',
    /all gates pass; joint budget: the 4 cold lanes of pool marketing may send google 1000 on 2030-01-08 \(.*400.*\): 250 of 1000 for this one/,
  );
  assert.deepEqual(await budget(1), { budget: 1_000, bestDay: 400, lanes: 4, wanted: 4_000, trimmed: 3_000 });
  const grant = (await allGrants(db.store)).find((one) => one.address === lanes[0] && one.windowIndex === monday + 1);
  assert.deepEqual([grant?.units, grant?.planUnits], [250, 1_000]);
});

test('repeating an evaluation takes no second share', async () => {
  const lanes = MANY.slice(0, 4);
  for (const address of lanes) await known(address, 'planned', ['google']);
  for (const address of lanes) await begin(address);
  await send(lanes);
  await evening(lanes);
  const [sum, rows] = [await sumOf(1), await budget(1)];
  for (let n = looks - lanes.length + 1; n <= looks; n++) {
    const address = lanes[n - looks + lanes.length - 1] ?? '';
    await evaluate(deps, { operationId: `joint-${n}`, address, trigger: 'schedule' });
  }
  assert.deepEqual([await sumOf(1), await budget(1)], [sum, rows]);
});
