import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FEEDS, type FeedHistory, feedState } from '../../policy/feeds.ts';

const DAY = 86_400_000;
const NOW = 100 * DAY;
const state = (history: Partial<FeedHistory>, silentDays = 4) =>
  feedState(
    { reports: 20, lastReport: NOW - silentDays * DAY, deliveredBefore: 20_000, deliveredSince: 8_000, ...history },
    NOW,
    FEEDS.silenceMs,
  );

test('a feed is stale when eight reports were due at its own rate and three days brought none', () => {
  assert.equal(state({}), 'stale');
  assert.equal(state({ deliveredSince: 7_999 }), 'ok', 'less was sent: fewer reports were due');
  assert.equal(state({}, 3), 'ok', 'three days of silence are nothing');
  assert.equal(state({ reports: 2, deliveredBefore: 2_000 }), 'ok', 'two reports are no rate');
});

test('a feed that never spoke is believed until a healthy list would have brought a report many times over', () => {
  assert.equal(state({ reports: 0, lastReport: null, deliveredSince: FEEDS.neverSpoke - 1 }), 'ok');
  assert.equal(state({ reports: 0, lastReport: null, deliveredSince: FEEDS.neverSpoke }), 'stale');
});

test('a report just now heals every feed, and more mail without one never does', () => {
  const history = fc.record({ reports: fc.nat(1_000), deliveredBefore: fc.nat(1e6), deliveredSince: fc.nat(1e6) });
  fc.assert(
    fc.property(history, fc.nat(60), fc.nat(1e5), (one, days, more) => {
      assert.equal(feedState({ ...one, lastReport: NOW }, NOW, FEEDS.silenceMs), 'ok');
      const silent = { ...one, lastReport: NOW - days * DAY };
      const longer = { ...silent, deliveredSince: silent.deliveredSince + more };
      if (feedState(silent, NOW, FEEDS.silenceMs) === 'stale') {
        assert.equal(feedState(longer, NOW, FEEDS.silenceMs), 'stale');
      }
    }),
  );
});
