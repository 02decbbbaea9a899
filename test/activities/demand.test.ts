/** Ramps that end because there is no more mail, and what is left of them afterwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import { tx } from '../../store/connect.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { allGrants, writeGrant } from '../../store/grants.ts';
import { rampOf } from '../../store/lanes.ts';
import { spool } from '../../store/spool.ts';
import { COLD, clock, db, HOUR, known, lane, look, monday, start, WARM, weekdays } from './clocked-pool.ts';
import { commit, outcome } from './feeder.ts';

/** A day on which so much mail was there for each lane: what the grant does not allow goes elsewhere. */
async function dayWith(demand: Readonly<Record<string, number>>) {
  const window = windowOf(clock.now, weekdays);
  for (const { provider, units, address } of await allGrants(db.store)) {
    const [grant] = (await allGrants(db.store)).filter(
      (one) => one.address === address && one.provider === provider && one.windowIndex === window.index,
    );
    if (grant === undefined || address !== COLD || grant.units !== units) continue;
    const one = { address: COLD, provider, at: window.start + HOUR, windowIndex: window.index };
    const sent = Math.min(units, demand[provider] ?? 0);
    if ((await already(provider, window.index)) > 0) continue;
    await commit(
      db.store,
      Array.from({ length: sent }, () => outcome(one)),
    );
  }
  await look('middle');
  await look('final');
  clock.now = window.end;
}

async function already(provider: string, window: number): Promise<number> {
  const { rows } = await db.store.query(
    'select count(*)::int as n from attempts where address = $1 and provider = $2 and window_index = $3',
    [COLD, provider, window],
  );
  return rows[0].n;
}

/** Yahoo's readers get something on Mondays. */
const mailOfDay = () => ({ google: 130, yahoo: windowOf(clock.now, weekdays).index % 7 === monday % 7 ? 20 : 0 });

test('a lane with room for all its mail graduates there and is warm; the address is done without its small lane', async () => {
  await start();
  for (let n = 0; n < 40 && (await rampOf(db.store, COLD))?.endedAt === null; n++) await dayWith(mailOfDay());
  const google = await lane('google');
  assert.equal(google.phase, 'warm');
  assert.ok(google.ceiling >= 1.2 * 130 && google.ceiling < 200, `${google.ceiling}`);
  assert.equal(google.normal, google.ceiling, 'capped there');
  const rows = (await decisionsOf(db.store, COLD, 'google')).slice(-2);
  assert.deepEqual(
    rows.map((row) => [row.kind, row.toPhase]),
    [
      ['advance', 'graduating'],
      ['complete', 'warm'],
    ],
  );
  const held = (await decisionsOf(db.store, COLD, 'google')).filter((row) => /^volume-limited/.test(row.reason));
  assert.equal(held.length, DEFAULTS.demand.settledWindows - 1, 'a week of days at the same ceiling');
  assert.equal((await rampOf(db.store, COLD))?.outcome, 'complete');
  const yahoo = await lane('yahoo');
  assert.ok(yahoo.phase !== 'warm', 'the small lane follows its plan still');
  const before = yahoo.ceiling;
  for (let n = 0; n < 3; n++) await dayWith({ yahoo: 100, google: 130 });
  assert.ok((await lane('yahoo')).ceiling > before, 'and grows when there is mail for it');
});

test('mail that a stage leaves to other addresses of the pool is demand as well', async () => {
  await start();
  for (let n = 0; n < 20; n++) {
    // The pool has 1,000 a day; of those the stage admits 130 to the new address.
    const at = windowOf(clock.now, weekdays).start + HOUR;
    const others = Array.from({ length: 870 }, () => outcome({ address: WARM, provider: 'google', at }));
    if (windowOf(clock.now, weekdays).sends && n % 5 === 0) await commit(db.store, others);
    await dayWith({ google: 130, yahoo: 130 });
  }
  assert.deepEqual([(await lane('google')).phase, (await lane('yahoo')).phase], ['ramping', 'warm']);
});

test('mail that waits is demand: a lane that could not send it is not done', async () => {
  await start();
  const recipients = Array.from({ length: 500 }, (_, n) => ({
    rcpt: `${n}@gmail.com`,
    domain: 'gmail.com',
    provider: 'google',
  }));
  const waits = {
    ...{
      raw: Buffer.from('Subject: offers\r\n\r\nhello\r\n'),
      messageId: '<1@shop.example>',
      mailFrom: 'a@shop.example',
    },
    ...{ pool: 'marketing', tenant: 'acme', stream: 'marketing' as const, segment: 'all', campaign: 'spring' },
  };
  await tx(db.store, (client) => spool(client, [{ ...waits, expires: clock.now + 99 * 24 * HOUR, recipients }]));
  for (let n = 0; n < 20; n++) await dayWith({ google: 130, yahoo: 130 });
  assert.deepEqual([(await lane('google')).phase, (await lane('yahoo')).phase], ['ramping', 'warm']);
  await db.store.query('delete from queue');
  for (let n = 0; n < 5; n++) await dayWith({ google: 130, yahoo: 130 });
  assert.equal((await lane('google')).phase, 'warm');
});

test('a small lane that is held back, not short of mail, is waited for', async () => {
  await start();
  const frozen = { address: COLD, provider: 'yahoo', kind: 'freeze', actor: 'ada', reason: 'test' };
  await db.store.query(
    `insert into lane_orders (address, provider, kind, actor, reason, since) values ($1, $2, $3, $4, $5, $6)`,
    [...Object.values(frozen), new Date(clock.now)],
  );
  // Sixty of sixty a day, at most: its ceiling binds it.
  await db.store.query(`update lanes set ceiling = 60 where address = $1 and provider = 'yahoo'`, [COLD]);
  for (let n = 0; n < 30; n++) await dayWith({ google: 130, yahoo: 1_000 });
  assert.equal((await lane('google')).phase, 'warm');
  assert.equal((await lane('yahoo')).ceiling, 60);
  assert.equal((await rampOf(db.store, COLD))?.endedAt, null);
});

test('a lane that was capped grows on, by its gates, when it has the mail; nothing is counted while lanes grow', async () => {
  await start();
  for (let n = 0; n < 40 && (await lane('google')).phase !== 'warm'; n++) await dayWith(mailOfDay());
  const { ceiling, revision } = await lane('google');
  const window = windowOf(clock.now, weekdays);
  // As the MTA opens a warm lane's window.
  const grant = {
    address: COLD,
    provider: 'google',
    window,
    units: ceiling,
    planUnits: ceiling,
    origin: 'normal' as const,
  };
  await writeGrant(db.store, { ...grant, revision });
  await dayWith({ google: 10_000, yahoo: 20 });
  const grown = await lane('google');
  assert.deepEqual([grown.phase, grown.normal], ['graduating', 520]);
  assert.equal(grown.ceiling, Math.ceil(ceiling * DEFAULTS.graduationGrowth));
  await known(COLD, 'planned');
});
