/** Revisions fence: whatever comes late, twice or at once, nothing older undoes what is newer. Against a real PostgreSQL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { windowAt } from '../../policy/calendar.ts';
import { tx } from '../../store/connect.ts';
import { applyLane, decisionsOf, StaleRevision } from '../../store/decisions.ts';
import { carryGrant, grantsAround, reserve, writeGrant } from '../../store/grants.ts';
import type { LaneRow } from '../../store/lanes.ts';
import { anew, COLD, clock, db, lane, monday, start, weekdays } from './clocked-pool.ts';

const RUNS = { numRuns: 25 };
const window = windowAt(monday + 3, weekdays);
const grantNow = async () => (await grantsAround(db.store, COLD, 'google', window.index, 0))[0];
const write = (units: number, revision: number) =>
  writeGrant(db.store, {
    ...{ address: COLD, provider: 'google', window, units, planUnits: units, revision, origin: 'decided' as const },
  });

test('grants written in any order, some at once, end as the highest revision said; nothing lower is taken after it', async () => {
  const writes = fc.array(fc.record({ units: fc.nat(500), revision: fc.integer({ min: 1, max: 9 }) }), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(writes, fc.boolean(), async (all, atOnce) => {
      await db.store.query('delete from grants');
      let highest = 0;
      if (atOnce) await Promise.all(all.map(({ units, revision }) => write(units, revision)));
      else
        for (const { units, revision } of all) {
          const taken = await write(units, revision);
          assert.equal(taken, revision >= highest, `${revision} after ${highest}`);
          highest = Math.max(highest, revision);
          assert.equal((await grantNow())?.revision, highest);
        }
      const top = Math.max(...all.map(({ revision }) => revision));
      const said = all.filter(({ revision }) => revision === top).map(({ units }) => units);
      const grant = await grantNow();
      assert.ok(grant?.revision === top && said.includes(grant.units));
      // A process that slept carries an old grant into a window that somebody has decided: it stays decided.
      const earlier = { ...grant, windowIndex: window.index - 1, units: 10_000 };
      await carryGrant(db.store, COLD, 'google', window, earlier, 10_000);
      assert.deepEqual(await grantNow(), grant);
    }),
    RUNS,
  );
});

test('of decisions taken from one revision of a lane one is applied, with its row and its grant; the others leave nothing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 2, maxLength: 6 }), async (ceilings) => {
      await anew();
      await start();
      const seen = await lane();
      const before = (await decisionsOf(db.store, COLD, 'google')).length;
      const results = await Promise.allSettled(ceilings.map((ceiling, n) => decide(seen, ceiling, n)));
      for (const one of results)
        assert.ok(one.status === 'fulfilled' || one.reason instanceof StaleRevision, JSON.stringify(one));
      const winner = results.findIndex((one) => one.status === 'fulfilled');
      assert.equal(results.filter((one) => one.status === 'fulfilled').length, 1);
      const rows = (await decisionsOf(db.store, COLD, 'google')).slice(before);
      assert.deepEqual(
        rows.map((row) => [row.operationId, row.toCeiling, row.revision]),
        [[`op ${winner}`, ceilings[winner], seen.revision + 1]],
      );
      const after = await lane();
      assert.deepEqual([after.ceiling, after.revision], [ceilings[winner], seen.revision + 1]);
      assert.deepEqual([(await grantNow())?.units, (await grantNow())?.revision], [ceilings[winner], after.revision]);
    }),
    RUNS,
  );

  function decide(seen: LaneRow, ceiling: number, n: number) {
    const { phase, stage, clean } = seen;
    const decision = { kind: 'hold' as const, phase, stage, clean, ceiling, retreat: false, raised: false };
    return tx(db.store, (client) =>
      applyLane(client, {
        ...{ lane: seen, decision: { ...decision, reason: 'test', judgements: [] }, operationId: `op ${n}` },
        ...{ rampId: seen.rampId, window: monday, actor: 'rampart', policyVersion: '3', at: clock.now, final: false },
        ...{ pauseReasons: [], missed: [] },
        grants: [{ window, units: ceiling, planUnits: ceiling, origin: 'decided' as const }],
      }),
    );
  }
});

test('a unit is reserved only of the grant that was read: after it was lowered, nothing more than it allows goes out', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 20 }), stale: fc.boolean() }),
      fc.record({ lower: fc.nat(60) }),
    ),
    { minLength: 1, maxLength: 10 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      await db.store.query('delete from grants');
      await write(60, 1);
      let revision = 1;
      let read = await grantNow();
      for (const step of all) {
        if ('lower' in step) {
          await write(step.lower, ++revision);
          continue;
        }
        if (!step.stale) read = await grantNow();
        assert.ok(read !== undefined);
        const now = (await grantNow()) as NonNullable<typeof read>;
        const given = await reserve(db.store, COLD, 'google', read, step.take, 3, window.start);
        const fits = now.handed + step.take <= now.units;
        assert.equal(given, read.seq === now.seq && fits);
        if (given) read = await grantNow();
      }
      const end = await grantNow();
      assert.ok(end !== undefined && end.handed <= end.peakUnits);
    }),
    RUNS,
  );
});

test('a carried grant is what may be carried, once, and never what the row it comes from says beyond it', async () => {
  await write(400, 3);
  const from = await grantNow();
  assert.ok(from !== undefined);
  const later = windowAt(window.index + 3, weekdays);
  const carried = async () => (await grantsAround(db.store, COLD, 'google', later.index, 0))[0];
  await carryGrant(db.store, COLD, 'google', later, from, 150);
  assert.deepEqual(
    [(await carried())?.units, (await carried())?.peakUnits, (await carried())?.carried, (await carried())?.origin],
    [150, 150, 3, 'carried'],
  );
  await carryGrant(db.store, COLD, 'google', later, from, 400);
  assert.equal((await carried())?.units, 150);
  const next = windowAt(window.index + 1, weekdays);
  await carryGrant(db.store, COLD, 'google', next, from, 10_000);
  assert.equal((await grantsAround(db.store, COLD, 'google', next.index, 0))[0]?.units, 400);
});
