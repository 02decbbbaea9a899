import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LimitTable, laneLimits } from '../../mta/egress/shaping.ts';
import { DAY_MS } from '../../policy/calendar.ts';

const civil = { kind: 'civil', zone: 'UTC', sendDays: [1], sendHours: { from: 0, to: 24 } } as const;

test('the processes of a node share what a lane may have, and each may open its connections at once', () => {
  const one = laneLimits('google', 'p', {}, 1);
  const two = laneLimits('google', 'p', {}, 2);
  assert.deepEqual([one.connections, two.connections], [10, 5]);
  assert.equal(two.newConnections.perMs, one.newConnections.perMs / 2);
  assert.equal(two.newConnections.burst, 5);
  assert.equal(two.messagesPerConnection, one.messagesPerConnection);
  assert.equal(one.messages, null, 'the grant limits google');
  const limited = laneLimits('yahoo-jp', 'p', {}, 2);
  assert.ok(limited.messages !== null && Math.abs(limited.messages.perMs - 300 / 60_000) < 1e-12);
});

test('rates are of plan minutes, and follow the number of living processes', () => {
  let processes = 1;
  const table = new LimitTable({ default: { messagesPerMinute: 60 } }, () => processes);
  const lane = { provider: 'google', pool: 'p', calendar: civil };
  const short = { ...lane, calendar: { kind: 'compressed', epoch: 0, dayLength: DAY_MS / 1_000 } as const };
  assert.equal(table.of(lane).messages?.perMs, 1 / 1_000);
  assert.equal(table.of(short).messages?.perMs, 1);
  processes = 2;
  assert.equal(table.of(lane).messages?.perMs, 1 / 2_000);
  assert.equal(table.of(lane), table.of(lane), 'worked out once');
});
