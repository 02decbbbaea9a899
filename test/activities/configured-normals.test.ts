/** A changed limit in the configuration: followed by what was declared warm, with a decision row each time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { followNormals } from '../../activities/configured-normals.ts';
import { windowOf } from '../../policy/calendar.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { grantsAround, writeGrant } from '../../store/grants.ts';
import { COLD, clock, db, known, lane, monday, start, WARM, weekdays } from './clocked-pool.ts';

const follow = (normals: Record<string, number>, address = WARM) =>
  followNormals(db.store, address, new Map(Object.entries(normals)), clock.now);
const rows = async (address = WARM) =>
  (await decisionsOf(db.store, address)).map((row) => [
    row.provider,
    row.kind,
    row.actor,
    row.fromCeiling,
    row.toCeiling,
  ]);

test('a new limit is followed with a decision, the same one again with none, and the old one takes it back', async () => {
  assert.deepEqual(await follow({ google: 2_000, yahoo: 2_000 }), []);
  const before = await lane('google', WARM);
  assert.deepEqual(await follow({ google: 3_000, yahoo: 2_000 }), [
    `${WARM} google: normal limit 2000 → 3000 a day, by its address's normal in the configuration`,
  ]);
  const raised = await lane('google', WARM);
  assert.deepEqual([raised.ceiling, raised.normal, raised.revision], [3_000, 3_000, before.revision + 1]);
  assert.deepEqual(await follow({ google: 3_000, yahoo: 2_000 }), []);
  await follow({ google: 2_000, yahoo: 2_000 });
  assert.deepEqual(await rows(), [
    ['google', 'set-plan', 'configuration', 2_000, 3_000],
    ['google', 'set-plan', 'configuration', 3_000, 2_000],
  ]);
  assert.equal((await lane('google', WARM)).ceiling, 2_000);
});

test('a lower limit holds in the window that runs; a higher one does not raise it', async () => {
  const window = windowOf(clock.now, weekdays);
  const { revision } = await lane('google', WARM);
  const grant = {
    address: WARM,
    provider: 'google',
    window,
    units: 2_000,
    planUnits: 2_000,
    origin: 'normal' as const,
  };
  await writeGrant(db.store, { ...grant, revision });
  const units = async () => (await grantsAround(db.store, WARM, 'google', monday, 0))[0]?.units;
  await follow({ google: 500 });
  assert.equal(await units(), 500);
  await follow({ google: 5_000 });
  assert.equal(await units(), 500);
});

test('making an address known again changes no lane; a ramp keeps the limit of its plan, a lane that stepped back its ceiling', async () => {
  await known(WARM, 'warm', ['google', 'yahoo'], 9_000);
  assert.deepEqual([(await lane('google', WARM)).ceiling, (await lane('google', WARM)).normal], [2_000, 2_000]);
  await start();
  const before = await lane();
  assert.deepEqual(await follow({ google: 9_000 }, COLD), []);
  assert.equal((await lane()).normal, before.normal);
  await db.store.query(
    `update lanes set phase = 'stepped-back', ceiling = 700 where address = $1 and provider = 'google'`,
    [WARM],
  );
  const [says] = await follow({ google: 4_000 });
  assert.match(says ?? '', /it is stepped-back and keeps its ceiling$/);
  assert.deepEqual([(await lane('google', WARM)).ceiling, (await lane('google', WARM)).normal], [700, 4_000]);
});
