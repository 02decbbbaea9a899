/** A decision is a function of what is recorded with it: made again from the row, it is the same row. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { POLICY_VERSION } from '../../policy/defaults.ts';
import { decidedFrom, type RecordedInput } from '../../policy/recorded.ts';
import { recordedDecisions } from '../../store/decisions.ts';
import { day, db, hold, known, lane, look, mail, start, WARM } from './clocked-pool.ts';
import { BLOCKED, DEAD } from './feeder.ts';

test('every decision of an eventful ramp is made again from its stored input, to the letter', async () => {
  await known(WARM, 'warm');
  await start();
  for (let n = 0; n < 3; n++) await day();
  await day({}, 0.3);
  await mail({ ...BLOCKED }, 0.4);
  await look('middle');
  await day();
  await day({ campaign: 'old', ...DEAD });
  await hold('incident:test');
  await day();
  for (let n = 0; n < 3; n++) await day();
  await look('final', WARM);

  const rows = await recordedDecisions(db.store, POLICY_VERSION);
  const kinds = new Set(rows.map((row) => row.kind));
  for (const kind of ['advance', 'hold', 'step-back', 'quarantine', 'resume']) assert.ok(kinds.has(kind), kind);
  assert.equal((await lane()).phase, 'quarantined');
  for (const row of rows) {
    const input = row.input as RecordedInput;
    assert.deepEqual(
      [input.lane.provider, input.lane.stage, input.lane.phase],
      [row.provider, row.fromStage, row.fromPhase],
    );
    const again = decidedFrom(input);
    assert.ok(again !== null, `decision ${row.id} would not be made again`);
    assert.deepEqual(
      [again.kind, again.phase, again.stage, again.ceiling, again.reason],
      [row.kind, row.toPhase, row.toStage, row.toCeiling, row.reason],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(again.judgements)), row.evidence);
  }
});
