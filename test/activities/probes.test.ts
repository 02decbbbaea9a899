/** Probes and their pairs: which seeds are asked, from which addresses, and how often. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { ActivityDeps } from '../../activities/deps.ts';
import { evaluate } from '../../activities/evaluate.ts';
import { lookAgain, probe } from '../../activities/probe.ts';
import { tx } from '../../store/connect.ts';
import { setNormal } from '../../store/lanes.ts';
import { setPlacement } from '../../store/probes.ts';
import { spool } from '../../store/spool.ts';
import {
  COLD,
  clock,
  day,
  db,
  HOUR,
  hold,
  known,
  lane,
  look,
  monday,
  deps as shared,
  start,
  WARM,
} from './clocked-pool.ts';
import { commit, outcome } from './feeder.ts';

const SEEDS = Array.from({ length: 5 }, (_, n) => ({ provider: 'google', address: `seed${n}@gmail.com` }));
const deps = {
  ...shared,
  seeds: SEEDS as unknown as ActivityDeps['seeds'],
  placement: { ...shared.placement, minCeiling: 100, share: 0.05 },
} satisfies ActivityDeps;

const run = (address = COLD) => probe(deps, { address, window: monday });
const asked = async (address: string) => {
  const { rows } = await db.store.query(
    `select p.seed, q.address is not distinct from p.address and q.pinned as pinned
     from probes p join queue q on q.id = p.recipient where p.address = $1 order by p.seed`,
    [address],
  );
  assert.ok(rows.every((row) => row.pinned));
  return rows.map((row) => row.seed);
};
const ALL = SEEDS.map((seed) => seed.address);

beforeEach(async () => {
  await db.store.query('delete from queue');
  await db.store.query('delete from messages');
  await tx(db.store, (client) =>
    spool(client, [
      {
        ...{
          raw: Buffer.from('Subject: offers\r\n\r\nhello\r\n'),
          messageId: '<1@shop.example>',
          mailFrom: 'a@shop.example',
        },
        ...{ pool: 'marketing', tenant: 'acme', stream: 'marketing', segment: 'all', campaign: 'spring' },
        expires: clock.now + 24 * HOUR,
        recipients: [{ rcpt: 'b@gmail.com', domain: 'gmail.com', provider: 'google' }],
      },
    ]),
  );
});

test('each probe goes to the same seed from a warm address as well, both once, however often the run is repeated', async () => {
  await start();
  assert.equal((await run()).sent, 5);
  assert.deepEqual([await asked(COLD), await asked(WARM)], [ALL, ALL]);
  const { rows } = await db.store.query(`select count(distinct b.raw)::int as n from probes p
    join queue q on q.id = p.recipient join bodies b on b.id = q.body_id where p.seed = 'seed0@gmail.com'`);
  assert.equal(rows[0].n, 2, 'copies of the same mail, with Message-IDs of their own');
  assert.equal((await run()).sent, 0);
  assert.deepEqual([await asked(COLD), await asked(WARM)], [ALL, ALL]);
});

test('two cold addresses share the pairs of one window', async () => {
  const other = '198.51.100.10';
  await known(other, 'planned');
  await start();
  await start(other);
  await run();
  await run(other);
  assert.deepEqual([await asked(COLD), await asked(other), await asked(WARM)], [ALL, ALL, ALL]);
});

test('a warm address that is held, idle, or of another pool is asked for no pair', async () => {
  await start();
  await hold('operator', { target: `${WARM} google` });
  await run();
  assert.deepEqual([await asked(COLD), await asked(WARM)], [ALL, []]);
  await db.store.query('delete from probes');
  await db.store.query('delete from holds');
  await db.store.query('update lanes set phase_since = $2, last_sent_at = $2 where address = $1', [
    WARM,
    new Date(clock.now - 8 * 24 * HOUR),
  ]);
  await run();
  assert.deepEqual([await asked(COLD), await asked(WARM)], [ALL, []]);
});

test('junk from the new address alone steps it back', async () => {
  await start();
  await setNormal(db.store, WARM, 'google', 2_000);
  for (const window of [monday, monday + 1]) {
    await probe(deps, { address: COLD, window });
    const { rows } = await db.store.query('select id, host(address) as address from probes where placement is null');
    for (const row of rows) await setPlacement(db.store, row.id, row.address === COLD ? 'spam' : 'inbox', null);
    await db.store.query('update probes set sent_at = $1 where sent_at < $1', [new Date(clock.now)]);
    await day();
  }
  assert.ok((await db.store.query('select from probes where address = $1', [WARM])).rowCount === 10);
  await look('middle');
  const google = await lane();
  assert.equal(google.phase, 'ramping', 'without seeds in its evaluation nothing is known');
  await evaluate(deps, { operationId: 'p', address: COLD, trigger: 'schedule' });
  assert.equal((await lane()).phase, 'stepped-back');
  assert.equal((await lane('yahoo')).phase, 'ramping');
});

test('a lane that probes its way out of quarantine asks seeds with half of its few messages', async () => {
  await start();
  await db.store.query(`update lanes set phase = 'probing' where address = $1 and provider = 'google'`, [COLD]);
  await db.store.query('update grants set units = 6 where address = $1', [COLD]);
  assert.equal((await run()).sent, 3);
});

test('between two runs open probes are looked for: what a mailbox that can not be read has is unobserved, not missing', async () => {
  const mailbox = { host: '127.0.0.1', port: 1, secure: false, user: 'seed', password: 'x' };
  const seeds = SEEDS.map((seed) => ({ ...seed, ...mailbox })) as ActivityDeps['seeds'];
  await start();
  await run();
  await lookAgain({ ...deps, seeds });
  const placements = async () =>
    (await db.store.query('select distinct placement from probes')).rows.map((row) => row.placement);
  assert.deepEqual(await placements(), [null], 'they are on their way');
  const { rows } = await db.store.query('select recipient, host(address) as address from probes');
  const at = clock.now + HOUR;
  await commit(
    db.store,
    rows.map(({ recipient, address }) => outcome({ address, provider: 'google', at, recipient, probe: true })),
  );
  await lookAgain({ ...deps, seeds });
  assert.deepEqual(await placements(), ['unobserved']);
});
