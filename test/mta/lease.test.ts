import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLAIM_GRACE_MS, LEASE_MS, leaseAllows } from '../../mta/egress/lease.ts';
import { allGrants } from '../../store/grants.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const COLD = '127.31.0.1';
const WARM = '127.31.1.1';
const MX = '127.30.0.1';

/**
 * Keeps the row of every living process locked, so that its renewals wait while all its other queries go through.
 * Returns what lets go again.
 */
async function blockRenewals(world: MailWorld): Promise<() => Promise<void>> {
  const client = await world.store.connect();
  await client.query('begin');
  const { rowCount } = await client.query('select id from processes where stopped_at is null for update');
  assert.equal(rowCount, 1);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

test('a lease that is not renewed stops cold lanes, though the store still hands out mail and units', async (context) => {
  const world = await MailWorld.start(context, databases, { dayLength: 60_000 });
  const sink = await startSink(MX, world.smtpPort);
  context.after(() => sink.stop());
  world.domain('warming.example', [['aspmx.l.google.com', MX]]);
  world.domain('warm.example', [['mx.warm.example', MX]]);
  await world.lane(COLD, 'google', 'ramping');
  await world.lane(WARM, 'other', 'warm', 100_000);
  await world.grant(COLD, 'google', 1_200);
  await world.grant(COLD, 'google', 1_200, 1);
  await world.mail(1_500, { domain: 'warming.example' });
  const { process: mta } = await world.mta();
  const { pid } = mta;
  const cold = () => sink.rcpts.filter((seen) => seen.from === COLD).length;
  const warm = () => sink.taken.filter((seen) => seen.from === WARM).length;
  await until('cold mail flows', () => cold() >= 20);

  const renewAgain = await blockRenewals(world);
  try {
    await sleep(LEASE_MS + 1_000);
    const sent = cold();
    for (let n = 1; n <= 4; n++) {
      await world.mail(10, { domain: 'warm.example' });
      await until('the warm lane goes on', () => warm() === 10 * n);
      await sleep(700);
      assert.equal(cold(), sent, 'a cold lane went on without a lease');
    }

    const waiting = (await world.queue()).filter((one) => one.rcpt.endsWith('@warming.example'));
    assert.ok(waiting.some((one) => one.claim === null && one.due <= Date.now()));
    const [grant] = (await allGrants(world.store)).filter((one) => one.address === COLD);
    assert.ok(grant !== undefined && grant.handed < grant.units);
    const due = Math.floor((grant.units * (Date.now() - grant.sendFrom)) / (grant.sendTo - grant.sendFrom));
    assert.ok(grant.handed < due, `${grant.handed} of ${due} units that are due: only the lease can have stopped it`);
    // What was in a transaction when the lease ran out may have been cut before its dot.
    const other = (await world.attempts()).filter(({ severity }) => severity !== 'delivered');
    assert.ok(
      other.every(({ reply }) => reply.includes('may have lost its claim')),
      JSON.stringify(other),
    );
  } finally {
    await renewAgain();
  }

  const stoppedAt = cold();
  await until('the cold lane goes on', () => cold() >= stoppedAt + 20);
  assert.equal(mta.pid, pid, 'the same process: another one would have had a lease of its own');
});

test('what a lease allows: cold lanes for 3 s, warm ones while a final dot can be answered within the claim', () => {
  const lastDot = LEASE_MS + CLAIM_GRACE_MS - 300_000;
  for (const [cold, limit] of [
    [true, LEASE_MS],
    [false, lastDot],
  ] as const) {
    assert.equal(leaseAllows(cold, 0), true);
    assert.equal(leaseAllows(cold, limit - 1), true);
    assert.equal(leaseAllows(cold, limit), false);
    assert.equal(leaseAllows(cold, Number.POSITIVE_INFINITY), false, 'never renewed');
  }
  assert.ok(lastDot > LEASE_MS && lastDot < LEASE_MS + CLAIM_GRACE_MS);
});
