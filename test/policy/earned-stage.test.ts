import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { drawOwn, stageCount, stageOf } from '../../policy/plan.ts';
import { earnedStage, earnedText } from '../../policy/plans/earned-stage.ts';

const plan = drawOwn('mine', { rows: { default: [50, 100, 200, 400, 800, 1_600] } });
const days = (...messages: readonly number[]) => messages.map((count, daysAgo) => ({ daysAgo, messages: count }));
const stage = (history: Parameters<typeof earnedStage>[2]) => earnedStage(plan, 'google', history)?.stage ?? 0;

test('the third-best day decides, and the stage is never above it', () => {
  assert.equal(stage(days(450, 450, 450)), 3);
  assert.equal(stage(days(5_000, 450, 399)), 2, 'one large day proves nothing');
  assert.equal(stage(days(9_000, 9_000, 9_000)), 5, 'never past the last stage');
});

test('too few days, too little mail or mail of long ago earn nothing', () => {
  assert.equal(stage(days(900, 900)), 0);
  assert.equal(stage(days(60, 60, 60)), 0);
  assert.equal(stage([30, 31, 32].map((daysAgo) => ({ daysAgo, messages: 900 }))), 0);
});

test('a lane that was silent for more than a week has lost some of it', () => {
  const ago = (start: number) => [0, 1, 2].map((more) => ({ daysAgo: start + more, messages: 820 }));
  assert.deepEqual(
    [0, 7, 8, 14, 20].map((start) => stage(ago(start))),
    [4, 4, 3, 3, 2],
  );
});

test('the decision says what was earned by what', () => {
  const earned = earnedStage(plan, 'google', days(450, 450, 420, 100));
  assert.ok(earned);
  assert.equal(
    earnedText(earned, 6),
    'starts at stage 4 of 6: it has sustained 420 a day elsewhere (third-best of 4 days with mail in the last 30)',
  );
});

test('never a ceiling above what three days carried, whatever the history', () => {
  const history = fc.array(fc.record({ daysAgo: fc.nat(40), messages: fc.nat(5_000) }), { maxLength: 40 });
  fc.assert(
    fc.property(history, (given) => {
      const found = stage(given);
      assert.ok(found < stageCount(plan, 'google'));
      const ceiling = stageOf(plan, 'google', found)?.ceiling ?? 0;
      const carried = given.filter((day) => day.daysAgo < 30 && day.messages >= ceiling).length;
      assert.ok(found === 0 || carried >= 3);
    }),
  );
});
