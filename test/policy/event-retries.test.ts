import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EVENT_KINDS, matchesKind, wanted } from '../../policy/event-kinds.ts';
import { afterFailure, type Failure, RETRY_RULES } from '../../policy/event-retries.ts';

const HOUR = 3_600_000;

function failure(over: Partial<Failure> = {}): Failure {
  return { kind: 'retry', tries: 1, failingMs: 0, events: 500, ...over };
}

const TABLE: readonly [string, Failure, string][] = [
  ['what may pass is tried again', failure(), 'wait'],
  ['also after many tries', failure({ tries: 200, failingMs: 23 * HOUR }), 'wait'],
  ['and given up after a day', failure({ tries: 300, failingMs: 24 * HOUR }), 'bury'],
  ['a refusal is not believed at once', failure({ kind: 'refused', tries: 4 }), 'wait'],
  ['but then', failure({ kind: 'refused', tries: 5 }), 'bury'],
  ['what the sink can not read is halved', failure({ kind: 'content', tries: 5 }), 'split'],
  ['until it is alone', failure({ kind: 'content', tries: 14, events: 1 }), 'bury'],
  ['gone is gone', failure({ kind: 'gone' }), 'disable'],
];

for (const [says, given, expected] of TABLE) {
  test(says, () => assert.equal(afterFailure(given, RETRY_RULES, 0.5).do, expected));
}

const anyFailure = fc.record({
  kind: fc.constantFrom('retry' as const, 'refused' as const, 'content' as const, 'gone' as const),
  tries: fc.integer({ min: 1, max: 10_000 }),
  failingMs: fc.integer({ min: 0, max: 100 * 24 * HOUR }),
  events: fc.integer({ min: 1, max: 5_000 }),
});
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('property: a pause is never shorter than a half of the rule, nor longer than its longest', () => {
  fc.assert(
    fc.property(anyFailure, chance, (given, luck) => {
      const step = afterFailure(given, RETRY_RULES, luck);
      if (step.do === 'disable') return;
      assert.ok(step.ms >= RETRY_RULES.firstMs / 2 && step.ms <= RETRY_RULES.longestMs);
    }),
  );
});

test('property: pauses grow with the tries, for the same luck', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), chance, (tries, luck) => {
      const ms = (n: number) => (afterFailure(failure({ tries: n }), RETRY_RULES, luck) as { ms: number }).ms;
      assert.ok(ms(tries + 1) >= ms(tries));
    }),
  );
});

test('property: what the sink asks for is granted, up to an hour', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 * HOUR }), chance, (retryAfterMs, luck) => {
      const step = afterFailure(failure({ retryAfterMs }), RETRY_RULES, luck);
      assert.ok(step.do === 'wait' && step.ms >= Math.min(retryAfterMs, HOUR));
      assert.ok(step.ms <= Math.max(HOUR, RETRY_RULES.longestMs));
    }),
  );
});

test('property: halving ends: every split is smaller, and never empty', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 5_000 }), (events) => {
      const step = afterFailure(failure({ kind: 'content', tries: 5, events }), RETRY_RULES, 0);
      assert.ok(step.do === 'split' && step.events >= 1 && step.events < events);
    }),
  );
});

test('patterns: a kind, all of a family, everything', () => {
  const of = (pattern: string) => EVENT_KINDS.filter((kind) => matchesKind(pattern, kind));
  assert.deepEqual(of('message.bounced'), ['message.bounced']);
  assert.deepEqual(of('hold.*'), ['hold.placed', 'hold.cleared']);
  assert.equal(of('*').length, EVENT_KINDS.length);
  assert.deepEqual(of('message'), []);
});

test('a filter by pool or tenant keeps out what is about none', () => {
  const event = { kind: 'incident.opened', pool: null, tenant: null };
  assert.equal(wanted({}, event), true);
  assert.equal(wanted({ pools: ['marketing'] }, event), false);
  assert.equal(wanted({ tenants: ['shop'] }, event), false);
  assert.equal(wanted({ tenants: ['shop'] }, { ...event, tenant: 'shop' }), true);
  assert.equal(wanted({ tenants: ['shop'], kinds: ['notice'] }, { ...event, tenant: 'shop' }), false);
});
