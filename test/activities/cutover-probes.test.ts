/** Both arms' messages in a real mailbox: what differs is named, and where they land holds a step. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { probeCutover } from '../../activities/cutover/probes.ts';
import { cutoverProbes } from '../../store/cutover-probes.ts';
import { spool } from '../../store/spool.ts';
import { type Dovecot, dovecotMissing, startDovecot } from '../seeds/dovecot.ts';
import { anew, deps as bare, begin, clock, day, db, order, points, row, told } from './cutover-world.ts';

after(() => db.remove());
const skip = (await dovecotMissing()) ?? false;
const USERS = Array.from({ length: 7 }, (_, n) => `seed-${n}@google.example`);
let dovecot: Dovecot;
before(async () => {
  if (skip === false) dovecot = await startDovecot(USERS);
});
after(() => dovecot?.stop());

const deps = () => ({
  ...bare,
  seeds: USERS.map((user) => ({
    provider: 'google',
    address: user,
    host: '127.0.0.1',
    port: dovecot.port,
    secure: false,
    user,
    password: 'seed',
  })),
});

const LIVE = Buffer.from(
  [
    'From: Shop <news@shop.example>',
    'To: a@b.example',
    'Subject: News',
    'Feedback-ID: a:b:c',
    'Message-ID: <live@shop.example>',
    '',
    'See https://shop.example/a',
    '',
  ].join('\r\n'),
);

async function liveMessage(): Promise<void> {
  const about = { pool: 'marketing', tenant: 'acme', stream: 'marketing', segment: 'all', campaign: 'news' } as const;
  await spool(db.store, [
    {
      ...{
        raw: LIVE,
        messageId: '<live@shop.example>',
        mailFrom: 'b@shop.example',
        expires: clock.now + 1e9,
        ...about,
      },
      recipients: [{ rcpt: 'a@b.example', domain: 'b.example', provider: 'google' }],
    },
  ]);
}

/** Plays both engines: takes what waits in each arm's pool to its mailbox, changed as `change` says. */
async function deliver(
  change: (raw: string, pool: string) => { readonly raw: string; readonly folder: string },
): Promise<string[]> {
  const { rows } = await db.store.query(
    `select q.id, q.pool, q.rcpt, q.outside, q.message, b.raw from queue q join bodies b on b.id = q.body_id where q.campaign = 'probe' order by q.id`,
  );
  for (const one of rows) {
    const { raw, folder } = change(one.raw.toString(), one.pool);
    await dovecot.deliver(one.rcpt, folder, raw);
    await db.store.query(
      `insert into attempts (recipient, message, provider, at, number, first_at, unit, severity, class, scope, rule, reply, final, campaign, tenant, process)
       values ($1, $2, 'google', $3, 1, $3, true, 'delivered', 'delivered', 'message', 'test', '', true, 'probe', 'acme', 'test')`,
      [one.id, one.message, new Date(clock.now)],
    );
    assert.equal(one.outside, 'probe', 'no cutover gives it to the other arm');
  }
  await db.store.query(`delete from queue where campaign = 'probe'`);
  return rows.map((one) => one.pool);
}

test('one message through both arms: its differences by name, then pairs at a step that hold it', {
  skip,
}, async () => {
  await anew();
  await db.store.query('truncate queue, bodies');
  await begin();
  assert.deepEqual(await probeCutover(deps(), { front: 'marketing' }), { sent: 0 }, 'there is no mail to copy yet');
  assert.equal((await row()).differences, null);
  await liveMessage();
  assert.deepEqual(await probeCutover(deps(), { front: 'marketing' }), { sent: 2 });
  assert.deepEqual(await probeCutover(deps(), { front: 'marketing' }), { sent: 0 }, 'once');
  const pools = await deliver((raw, pool) => ({
    raw:
      pool === 'old'
        ? raw
        : raw.replace('Feedback-ID: a:b:c\r\n', '').replace('https://shop.example', 'https://t.example'),
    folder: '',
  }));
  assert.deepEqual(pools.sort(), ['marketing', 'old']);
  await probeCutover(deps(), { front: 'marketing' });
  assert.deepEqual((await row()).differences, [
    { name: 'feedback-id', old: 'a:b:c', new: 'none' },
    { name: 'links', old: 'shop.example', new: 't.example' },
  ]);
  await order('accept-differences', { names: ['feedback-id'] });
  await day();
  assert.equal((await row()).phase, 'preparing');
  await order('accept-differences', { names: ['links'] });
  await day();
  assert.equal((await row()).phase, 'running');

  await day();
  assert.equal((await row()).reachedAt !== null, true);
  assert.deepEqual(await probeCutover(deps(), { front: 'marketing' }), { sent: 14 });
  await deliver((raw, pool) => ({ raw, folder: pool === 'old' ? '' : '.Abseits' }));
  await probeCutover(deps(), { front: 'marketing' });
  const seen = (await cutoverProbes(db.store, (await row()).id, 0)).filter((probe) => probe.rung === 0);
  assert.deepEqual([...new Set(seen.map((probe) => `${probe.arm} ${probe.placement}`))].sort(), [
    'new spam',
    'old inbox',
  ]);
  await day();
  assert.equal((await told()).at(-1), 'hold > holding 0');
  assert.equal(await points(), 10, 'seeds alone hold, and take nothing back');
});
