import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ArmsThen, explainArm } from '../../../policy/cutover/explain.ts';
import { BUCKETS, choose, type Split } from '../../../policy/cutover/split.ts';

const lines = fc.integer({ min: 0, max: BUCKETS }).map((line) => ({
  marketing: { '*': line, google: Math.floor(line / 2) },
  transactional: { '*': Math.floor(line / 3) },
}));
const input = fc.record({
  thresholds: lines,
  step: fc.option(lines),
  floor: fc.integer({ min: 0, max: BUCKETS / 4 }),
  bucket: fc.integer({ min: 0, max: BUCKETS - 1 }),
  provider: fc.constantFrom('google', 'yahoo'),
  stream: fc.constantFrom('marketing', 'transactional'),
  tenant: fc.constantFrom('shop', 'other'),
  settled: fc.constantFrom(null, 'old' as const, 'new' as const),
});

test('whatever arm the split chooses, its reason is that of the choice: the line, the floor, or why it is outside', () => {
  fc.assert(
    fc.property(input, ({ thresholds, step, floor, settled, ...mail }) => {
      const scope = { tenants: ['shop'] };
      const split: Split = {
        ...{ front: 'f', oldArm: 'o', newArm: 'n', scope, key: 'k', revision: 1, thresholds, step },
        ...{ floor: { '*': floor }, moves: {}, settled },
      };
      const choice = choose(split, mail);
      assert.ok(choice);
      const then: ArmsThen = { ...split, rung: '20%', binds: null };
      const { rule, says } = explainArm({ ...mail, ...choice, waiting: null }, then);
      assert.ok(says.length > 10);
      if (choice.outside !== null) assert.equal(rule, choice.outside);
      else if (choice.arm === 'new') assert.equal(rule, 'line');
      else assert.equal(rule, mail.bucket >= BUCKETS - floor ? 'floor' : 'line');
      if (rule === 'line') assert.match(says, choice.arm === 'new' ? /is below the new/ : /is not below the new/);
    }),
  );
});

test('what waits where the line would not have it is fixed by something, and that is said', () => {
  const then: ArmsThen = {
    ...{ thresholds: { marketing: { '*': 0 }, transactional: { '*': 0 } }, step: null, floor: {} },
    ...{ scope: {}, rung: null, binds: null },
  };
  const mail = { arm: 'new', bucket: 5, outside: null, provider: 'google', stream: 'marketing' } as const;
  const rule = (waiting: { claim?: string; attempts?: number; doubts?: number }) =>
    explainArm({ ...mail, waiting: { claim: null, attempts: 0, doubts: 0, ...waiting } }, then).rule;
  assert.equal(rule({ doubts: 1, attempts: 1, claim: 'p' }), 'in-doubt');
  assert.equal(rule({ claim: 'p', attempts: 1 }), 'claim');
  assert.equal(rule({ attempts: 1 }), 'attempted');
  assert.match(explainArm({ ...mail, waiting: null }, then).says, /by an earlier line/);
  assert.equal(explainArm({ ...mail, waiting: null }, null).rule, 'unknown');
});
