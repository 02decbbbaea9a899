import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PROVIDERS } from '../../policy/providers.ts';
import { LIMITS, SHIPPED, shapingOf, shareOf } from '../../policy/shaping.ts';

test('every shipped row is of a provider that can be told by its MX', () => {
  const known = [...PROVIDERS.map(({ key }) => key), 'other'];
  assert.deepEqual(
    Object.keys(SHIPPED).filter((key) => !known.includes(key)),
    [],
  );
});

test('every provider has every limit, and each says where it is from', () => {
  for (const { key } of [...PROVIDERS, { key: 'other' }]) {
    const shaping = shapingOf(key, 'marketing');
    for (const limit of LIMITS) assert.match(shaping[limit].from, /^shipped for /);
  }
  assert.deepEqual(shapingOf('apple', 'x').messagesPerConnection, { value: 5, from: 'shipped for apple' });
  assert.deepEqual(shapingOf('other', 'x').messagesPerConnection, { value: 100, from: 'shipped for every provider' });
});

test('the more special wins: pool and provider, pool, provider, everybody, shipped', () => {
  const overrides = {
    default: { connections: 1, messagesPerMinute: 6 },
    providers: { google: { connections: 2 } },
    pools: { marketing: { google: { connections: 4 }, default: { connections: 3 } } },
  };
  const value = (provider: string, pool: string) => shapingOf(provider, pool, overrides).connections;
  assert.deepEqual(value('google', 'marketing'), {
    value: 4,
    from: 'rampart.config.ts: shaping.pools.marketing.google',
  });
  assert.equal(value('yahoo', 'marketing').value, 3);
  assert.equal(value('google', 'receipts').value, 2);
  assert.equal(value('yahoo', 'receipts').value, 1);
  assert.equal(shapingOf('google', 'marketing', overrides).messagesPerMinute.value, 6);
  assert.equal(shapingOf('google', 'marketing', overrides).messagesPerConnection.from, 'shipped for google');
});

test("the parts of all processes are at most the lane's limit, and none is nothing", () => {
  for (let limit = 1; limit < 40; limit++) {
    for (let processes = 1; processes <= limit; processes++) assert.ok(shareOf(limit, processes) * processes <= limit);
    assert.equal(shareOf(limit, limit + 5), 1);
  }
});
