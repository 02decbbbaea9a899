import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEAD_ADDRESSES, floodsDead, shareElsewhere, usualShare } from '../../policy/dead-addresses.ts';

const none = { attempts: 0, hard: 0 };

test('five times the healthy share over 500 attempts, where the provider has no history', () => {
  assert.equal(floodsDead({ attempts: 499, hard: 499 }, usualShare(none)), false, 'too few attempts say nothing');
  assert.equal(floodsDead({ attempts: 500, hard: 12 }, usualShare(none)), false);
  assert.equal(floodsDead({ attempts: 500, hard: 13 }, usualShare(none)), true);
});

test('a provider where dead addresses are usual has its own baseline', () => {
  const usual = { attempts: 10_000, hard: 400 };
  assert.equal(usualShare(usual), 0.04);
  assert.equal(floodsDead({ attempts: 500, hard: 100 }, usualShare(usual)), false);
  assert.equal(floodsDead({ attempts: 500, hard: 101 }, usualShare(usual)), true);
  assert.equal(usualShare({ attempts: 999, hard: 999 }), 0.005, 'a short history is none');
  assert.equal(usualShare({ attempts: 5_000, hard: 0 }), 0.005, 'a spotless history is luck');
});

test('more dead addresses never make a flood less of one', () => {
  const count = fc.nat(100_000);
  fc.assert(
    fc.property(count, count, count, count, fc.nat(1_000), (attempts, hard, before, usual, more) => {
      const recent = { attempts, hard: Math.min(hard, attempts) };
      const worse = { attempts, hard: Math.min(attempts, recent.hard + more) };
      const history = { attempts: before, hard: Math.min(usual, before) };
      if (floodsDead(recent, usualShare(history))) assert.ok(floodsDead(worse, usualShare(history)));
      if (attempts < DEAD_ADDRESSES.window) assert.ok(!floodsDead(worse, usualShare(history)));
    }),
  );
});

test('a list that is dead everywhere is no fault of one provider; little mail elsewhere says nothing', () => {
  const sent = new Map([
    ['winback', 100],
    ['news', 400],
  ]);
  const elsewhere = new Map([
    ['winback', { attempts: 200, hard: 100 }],
    ['news', { attempts: 19, hard: 19 }],
  ]);
  assert.equal(shareElsewhere(sent, elsewhere), 0.1);
  assert.equal(shareElsewhere(sent, new Map()), 0);
  assert.equal(shareElsewhere(new Map(), elsewhere), 0);
  const recent = { attempts: 500, hard: 60 };
  assert.equal(floodsDead(recent, usualShare(none)), true);
  assert.equal(floodsDead(recent, shareElsewhere(sent, elsewhere)), false);
});
