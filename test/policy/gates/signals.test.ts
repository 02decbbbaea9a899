import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeSignal, SIGNAL_HOURS, type Signal } from '../../../policy/gates/signals.ts';

const signal = (over: Partial<Signal>): Signal => ({
  ...{ id: 1, kind: 'dnsbl', source: 'zen.spamhaus.org', address: '198.51.100.8', provider: null },
  ...{ value: '127.0.0.2', volume: null, before: null, ageHours: 1 },
  ...over,
});
const action = (over: Partial<Signal>) => judgeSignal(signal(over)).action;

test('block lists: listings at Spamhaus quarantine, policy listings and small lists hold, the rest is observed', () => {
  for (const value of ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.9'])
    assert.equal(action({ value }), 'quarantine');
  for (const value of ['127.0.0.10', '127.0.0.11']) assert.equal(action({ value }), 'hold');
  assert.equal(action({ value: '127.255.255.254' }), 'observe', 'a refused query is no answer');
  assert.equal(action({ value: 'clear' }), 'observe');
  for (const source of ['b.barracudacentral.org', 'bl.spamcop.net']) assert.equal(action({ source }), 'hold');
  assert.equal(action({ source: 'dnsbl.example' }), 'observe');
  assert.equal(action({ ageHours: 1_000 }), 'quarantine', 'a listing lasts until its source says otherwise');
});

test('SNDS: red holds, and steps back on the second day of enough mail; yellow and a clean day are observed', () => {
  const snds = (over: Partial<Signal>) => action({ kind: 'snds', source: 'filter', ...over });
  const red = (volume: number | null) => ({ value: 'red', volume });
  assert.equal(snds({ value: 'yellow' }), 'observe');
  assert.equal(snds(red(5_000)), 'hold');
  assert.equal(snds({ ...red(5_000), before: red(100) }), 'step-back');
  assert.equal(snds({ ...red(5_000), before: red(99) }), 'hold');
  assert.equal(snds({ ...red(null), before: red(5_000) }), 'hold');
  assert.equal(snds({ ...red(5_000), before: { value: 'green', volume: 5_000 } }), 'hold');
  assert.equal(snds({ ...red(5_000), ageHours: SIGNAL_HOURS + 1 }), 'observe', 'a figure grows old');
  assert.equal(action({ kind: 'snds', source: 'traps', value: '1' }), 'hold');
  assert.equal(action({ kind: 'snds', source: 'traps', value: '0' }), 'observe');
});

test("Postmaster Tools: Google's two lines of the spam rate, and refusals for the address itself", () => {
  const rate = (value: string) => action({ kind: 'postmaster', source: 'spam-rate', value });
  assert.deepEqual(['0.0009', '0.001', '0.0029', '0.003', '?'].map(rate), [
    'observe',
    'hold',
    'hold',
    'step-back',
    'observe',
  ]);
  const errors = (value: string) => action({ kind: 'postmaster', source: 'delivery-errors', value });
  assert.deepEqual(
    [errors('low_ip_reputation'), errors('ip_in_rbls'), errors('spammy_content')],
    ['step-back', 'step-back', 'observe'],
  );
});
