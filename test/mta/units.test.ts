import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { LaneUnits } from '../../mta/egress/units.ts';
import { type Calendar, windowAt } from '../../policy/calendar.ts';
import { createStore } from '../../store/connect.ts';
import { writeGrant } from '../../store/grants.ts';
import { lanesOf, upsertAddress, upsertPool } from '../../store/lanes.ts';
import { startDatabases } from './databases.ts';

const databases = await startDatabases();
after(() => databases.stop());

const ADDRESS = '127.31.0.1';
/** A Monday at 00:00 UTC. */
const MONDAY = Date.UTC(2026, 0, 5);
const HOUR = 3_600_000;
/** Into an hour: by then some of its units are due. */
const MINUTES = 180_000;
const WORKDAYS: Calendar = {
  kind: 'civil',
  zone: 'UTC',
  sendDays: [1, 2, 3, 4, 5],
  sendHours: { from: 8, to: 20 },
};

async function laneOf(context: import('node:test').TestContext, phase: 'warm' | 'ramping') {
  const store = createStore(await databases.create(), { max: 3 });
  context.after(() => store.end());
  await upsertPool(store, { name: 'marketing', overflow: 'warm-peers', calendar: WORKDAYS });
  const place = { address: ADDRESS, pool: 'marketing', node: 'node', ehloName: 'mta.example' };
  await upsertAddress(store, place, [{ provider: 'other', phase, ceiling: 1_200, normal: 1_200 }]);
  const [lane] = await lanesOf(store, ADDRESS);
  assert.ok(lane !== undefined);
  const grant = async (index: number, units: number) => {
    const window = windowAt(index, WORKDAYS);
    const write = { address: ADDRESS, provider: 'other', window, planUnits: units, revision: 0 } as const;
    await writeGrant(store, { ...write, units, origin: 'decided' });
  };
  const handed = async () => {
    const { rows } = await store.query(
      `select handed, (select sum(h)::int from unnest(hours) h) as hours from grants order by window_index`,
    );
    assert.ok(
      rows.every((row) => row.handed === row.hours),
      'the hours add up',
    );
    return rows.map((row) => row.handed);
  };
  return { store, lane, grant, handed, units: new LaneUnits(store, ADDRESS, 'other') };
}

const INDEX = MONDAY / 86_400_000;

test('units that come back after the window closed go to the window they were taken from', async (context) => {
  const { lane, grant, handed, units } = await laneOf(context, 'ramping');
  await grant(INDEX, 1_200);
  await grant(INDEX + 1, 1_200);
  const monday = await units.take(lane, true, 5, 1, MONDAY + 19 * HOUR + MINUTES);
  assert.equal(monday.length, 5);
  const tuesday = await units.take(lane, true, 2, 1, MONDAY + 24 * HOUR + 9 * HOUR + MINUTES);
  assert.equal(tuesday.length, 2);
  assert.deepEqual(await handed(), [5, 2]);
  await Promise.all(monday.slice(0, 3).map((unit) => units.putBack(unit)));
  await Promise.all(tuesday.map((unit) => units.putBack(unit)));
  await units.settle();
  assert.deepEqual(await handed(), [2, 0]);
});

test('many processes that take and give back at once never hold more than the grant', async (context) => {
  const { store, lane, grant, handed } = await laneOf(context, 'ramping');
  await grant(INDEX, 40);
  const late = MONDAY + 19.9 * HOUR;
  const books = Array.from({ length: 4 }, () => new LaneUnits(store, ADDRESS, 'other'));
  let held = 0;
  const work = async (book: LaneUnits, n: number) => {
    for (let round = 0; round < 15; round++) {
      const taken = await book.take(lane, true, 1 + ((n + round) % 3), 4, late - (round % 10) * HOUR);
      held += taken.length;
      assert.ok(held <= 40, `${held} of 40 units`);
      if (round % 2 === 0) {
        held -= taken.length;
        await Promise.all(taken.map((unit) => book.putBack(unit)));
      }
      if (round % 5 === 4) await book.settleIdle(late + HOUR, () => 24 * HOUR);
    }
    await book.settle();
  };
  await Promise.all(books.map(work));
  assert.deepEqual(await handed(), [held]);
  assert.ok(held > 0);
});

test('a warm lane asks again when its send hours begin, and sends nothing on other days', async (context) => {
  const { lane, units } = await laneOf(context, 'warm');
  assert.deepEqual(await units.take(lane, false, 1, 1, MONDAY + HOUR), []);
  assert.equal(units.nextAt, MONDAY + 8 * HOUR);
  assert.equal((await units.take(lane, false, 1, 1, MONDAY + 8 * HOUR)).length, 1);
  const saturday = MONDAY + 5 * 24 * HOUR + 10 * HOUR;
  assert.deepEqual(await units.take(lane, false, 1, 1, saturday), []);
  assert.equal(units.binds, 'window');
});

test('a grant is not carried into a day without sending', async (context) => {
  const { lane, grant, handed, units } = await laneOf(context, 'ramping');
  await grant(INDEX + 4, 100);
  assert.deepEqual(await units.take(lane, true, 1, 1, MONDAY + 5 * 24 * HOUR + 10 * HOUR), []);
  assert.deepEqual(await handed(), [0]);
  assert.equal((await units.take(lane, true, 1, 1, MONDAY + 7 * 24 * HOUR + 15 * HOUR)).length, 1);
});
