import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SuppressionCheck } from '../../mta/injection/suppression-check.ts';
import { stops } from '../../policy/suppression.ts';

const since = new Date('2026-01-02');

test('a recipient is asked for once, at RCPT; its message goes by that answer while it holds', async () => {
  const asked: string[] = [];
  const entry = { reason: 'complaint', since, scope: 'tenant', target: 'acme', streams: 'marketing' } as const;
  let now = 0;
  const check = new SuppressionCheck(
    async (recipients) => {
      asked.push(...recipients);
      return new Map(recipients.filter((one) => one === 'angry').map((one) => [one, [entry]]));
    },
    () => now,
  );
  const mail = { pool: 'news', tenant: 'acme', stream: 'marketing' } as const;
  assert.equal(await check.recipient('angry', 'news'), undefined, 'whose mail it is, RCPT does not tell');
  assert.equal(await check.recipient('fine', 'news'), undefined);
  assert.deepEqual([...(await check.message(['angry', 'fine'], mail)).keys()], ['angry']);
  assert.equal((await check.message(['angry'], { ...mail, tenant: 'other' })).size, 0);
  assert.equal((await check.message(['angry'], { ...mail, stream: 'transactional' })).size, 0);
  assert.deepEqual(asked, ['angry', 'fine']);
  await check.message(['unasked'], mail);
  assert.deepEqual(asked, ['angry', 'fine', 'unasked']);
  now += 5_000;
  assert.deepEqual([...(await check.message(['angry'], mail)).keys()], ['angry']);
  assert.deepEqual(asked, ['angry', 'fine', 'unasked', 'angry']);
});

test('an entry stops the mail it names', () => {
  const mail = { pool: 'news', tenant: 'acme', stream: 'marketing' } as const;
  const table = [
    ['global', '*', 'all', mail, true],
    ['global', '*', 'marketing', mail, true],
    ['global', '*', 'marketing', { ...mail, stream: 'transactional' }, false],
    ['global', '*', 'all', { pool: '', tenant: '', stream: 'transactional' }, true],
    ['pool', 'news', 'all', mail, true],
    ['pool', 'acme', 'all', mail, false],
    ['tenant', 'acme', 'all', mail, true],
    ['tenant', 'news', 'all', mail, false],
    ['pool', '', 'all', { ...mail, pool: '' }, false],
    ['tenant', '', 'all', { ...mail, tenant: '' }, false],
  ] as const;
  for (const [scope, target, streams, given, stopped] of table)
    assert.equal(stops({ scope, target, streams }, given), stopped, JSON.stringify([scope, target, streams, given]));
});
