import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { HARM_DAYS } from '../../judge/harms.ts';
import { judge } from '../../judge/judgement.ts';
import { tables, targetLines } from '../../judge/tables.ts';
import { Threads } from '../../judge/threads.ts';
import { HARM_NAMES } from '../../judge/worlds.ts';

const threads = new Threads(2);
after(() => threads.stop());

test('a judgement of a few ramps has every rule in every world, figures that can be, and its tables', async () => {
  const judgement = await judge(threads, { runs: 4, tuning: 8, ladders: 200 }, () => {});
  const names = ['falseStopHealthy', 'lengthP95', 'harmVsSingle', 'harmVsPair', 'harmWorstCell', 'cutoverFalseFail'];
  assert.deepEqual(Object.keys(judgement.targets), names);
  for (const { value, limit } of Object.values(judgement.targets)) assert.ok(value >= 0 && limit > 0);

  const cells = HARM_NAMES.flatMap((name) => HARM_DAYS.map((fromDay) => ({ name, fromDay })));
  const usual = judgement.gates.find(({ cv }) => cv === 0.5);
  assert.deepEqual(
    usual?.harms?.map(({ name, fromDay }) => ({ name, fromDay })),
    cells,
  );
  for (const { mail, missed } of usual?.harms ?? []) assert.ok(mail > 0 && missed >= 0 && missed <= 1);
  for (const { cells: theirs, settings } of judgement.thresholds) {
    assert.deepEqual(
      theirs.map(({ name, fromDay }) => ({ name, fromDay })),
      cells,
    );
    for (const { oracle, single, pair } of theirs) assert.ok(oracle > 0 && single > 0 && pair > 0);
    for (const { single } of settings) assert.ok(single.threshold >= 0 && single.threshold <= 1);
  }
  // A ramp can not be shorter than its plan, and a higher height stops no more ramps.
  for (const { length } of [...judgement.gates, ...judgement.named]) assert.ok(length.median >= 42);
  for (const { usual: curve } of judgement.calibration)
    for (let at = 1; at < curve.length; at++)
      assert.ok((curve[at]?.falseStops ?? 1) <= (curve[at - 1]?.falseStops ?? 0));
  // Worse arms fail more often than equal ones; equal arms are seen to be equal in the end.
  for (const { metric, worse, failed, passedByStep } of judgement.cutover) {
    const equal = judgement.cutover.find((one) => one.metric === metric && one.worse === null && one.cv === 0.5);
    if (worse?.where === 'all') assert.ok(failed > (equal?.failed ?? 1), metric);
    if (worse === null && metric === 'deferral') assert.ok((passedByStep.at(-1)?.passed ?? 0) > 0.9);
  }
  const page = tables(judgement);
  for (const name of [...names, ...HARM_NAMES]) assert.ok(page.includes(name), name);
  assert.doesNotMatch(page, /undefined|NaN|Infinity/);
  assert.equal(targetLines(judgement).length, names.length);
});

test('the same seeds give the same ramps, however they are shared out among threads', async () => {
  const job = { cv: 0.5, ceilings: Array.from({ length: 8 }, () => [50, 100, 200]), stream: 3 };
  const whole = (await threads.run('healthyRates', job, 6, 6)).flat();
  const pieces = (await threads.run('healthyRates', job, 6, 1)).flat();
  assert.deepEqual(pieces, whole);
});
