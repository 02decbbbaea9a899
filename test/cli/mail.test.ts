import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { liveHolds, placeHold } from '../../store/holds.ts';
import { commitOutcomes } from '../../store/queue.ts';
import { recordComplaint, recordLateBounce } from '../../store/reports.ts';
import { type SpoolMessage, spool } from '../../store/spool.ts';
import { until } from '../mta/mail-world.ts';
import { COLD, type DatabaseAlone, databaseAlone, WARM } from './command-line.ts';

describe('mail, with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
  });
  after(() => alone.stop());
  beforeEach(async () => {
    await alone.store.query(
      'truncate queue, messages, bodies, attempts, holds, rollups, late_bounces, complaints, dsn_due restart identity',
    );
  });

  async function mail(over: Partial<SpoolMessage> & { to?: string; provider?: string } = {}) {
    const { to = 'reader@gmail.com', provider = 'google', ...rest } = over;
    const [one] = await spool(alone.store, [
      {
        raw: Buffer.from('Subject: hello\r\n\r\nHello.\r\n'),
        messageId: '<1@shop.example>',
        mailFrom: 'bounce@shop.example',
        pool: 'marketing',
        tenant: 'shop',
        stream: 'marketing',
        segment: 'all',
        campaign: 'spring',
        expires: Date.now() + 3_600_000,
        recipients: [{ rcpt: to, domain: to.split('@')[1] ?? '', provider }],
        ...rest,
      },
    ]);
    assert.ok(one);
    return one;
  }

  test('a stop is one hold that reaches warm lanes too; it says what waits and how to lift it', async () => {
    await mail();
    await mail({ provider: 'yahoo', to: 'a@yahoo.com' });
    const ran = await alone.run('stop', '--provider', 'google', '--reason', 'they block', '--actor', 'ann');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /in force: hold \d+ stops mail of provider google on every lane, warm ones too/);
    assert.match(ran.stdout, /1 recipient waits \(none tried yet\)/);
    const [hold] = await liveHolds(alone.store);
    assert.deepEqual([hold?.scope, hold?.target, hold?.reach, hold?.cause], ['provider', 'google', 'all', 'operator']);
    assert.match(ran.stdout, new RegExp(`lift it: \\./rampart resume --hold ${hold?.id} `));
    const again = await alone.run('stop', '--provider', 'google', '--reason', 'again');
    assert.match(again.stdout, /stopped before: hold \d+ on provider google \(operator, warm lanes too\) by ann/);
  });

  test('what can be stopped: each scope by its name, and nothing by two names or an unknown one', async () => {
    const right: [string[], string[]][] = [
      [['--all'], ['all', '*']],
      [
        ['--tenant', 'shop'],
        ['tenant', 'shop'],
      ],
      [
        ['--campaign', 'spring'],
        ['campaign', 'spring'],
      ],
      [
        ['--domain', 'Example.COM'],
        ['domain', 'example.com'],
      ],
      [
        ['--domain', '@BÜCHER.example.'],
        ['domain', 'xn--bcher-kva.example'],
      ],
      [
        ['--netblock', '198.51.100.77'],
        ['netblock', '198.51.100.0/24'],
      ],
      [
        ['--pool', 'marketing'],
        ['pool', 'marketing'],
      ],
      [
        ['--stream', 'transactional'],
        ['stream', 'transactional'],
      ],
    ];
    for (const [args, [scope, target]] of right) {
      const ran = await alone.run('stop', ...args, '--reason', 'x', '--dry-run', '--json');
      assert.equal(ran.code, 0, ran.stderr);
      const answer = JSON.parse(ran.stdout);
      assert.deepEqual([answer.scope, answer.target, answer.hold], [scope, target, null]);
    }
    assert.equal((await liveHolds(alone.store)).length, 0, 'a dry run stops nothing');
    const wrong: [string[], RegExp][] = [
      [[], /say what to stop/],
      [['--all', '--tenant', 'shop'], /--tenant and --all at once/],
      [['--provider', 'gogle'], /no lane has provider "gogle" \(did you mean google\?\)/],
      [['--netblock', '198.51.100.0/16'], /give a \/24/],
      [['--stream', 'bulk'], /no lane has stream "bulk"/],
      [['--domain', 'a b'], /--domain is "a b": give a recipient domain/],
    ];
    for (const [args, expected] of wrong) {
      const ran = await alone.run('stop', ...args, '--reason', 'x');
      assert.equal(ran.code, 2, ran.stdout);
      assert.match(ran.stderr, expected);
    }
    assert.match((await alone.run('stop', '--all')).stderr, /say why: --reason TEXT/);
  });

  test('a resume says what waits, ends what is stale, eases, and lifts only what a person stopped', async () => {
    await alone.run('stop', '--pool', 'marketing', '--reason', 'wrong price', '--actor', 'ann');
    await mail();
    const old = await mail();
    await alone.store.query(`update messages set received_at = now() - interval '20 hours' where id = $1`, [
      old.message,
    ]);
    const args = ['--pool', 'marketing', '--stale', '12h', '--reason', 'price is right'];
    const dry = await alone.run('resume', ...args, '--dry-run');
    assert.equal(dry.code, 0, dry.stderr);
    assert.match(dry.stdout, /would lift: hold .*\n2 recipients wait .*oldest since 20 h ago\n1 of them would end/);
    assert.equal((await liveHolds(alone.store)).length, 1);
    const ran = await alone.run('resume', ...args);
    assert.match(ran.stdout, /lifted: hold .*the rest goes at 25% of the pace for 30 min/s);
    assert.equal((await liveHolds(alone.store)).length, 0);
    const { rows } = await alone.store.query(`select expires <= now() as ended, reason from queue order by id`);
    assert.deepEqual(
      rows.map((row) => row.ended),
      [false, true],
    );
    assert.match(rows[1].reason, /expired by .*: price is right/);
    const eased = await alone.store.query("select ease_until > now() + interval '29 minutes' as yes from holds");
    assert.equal(eased.rows[0].yes, true);

    const by = { reach: 'all', actor: 'mta', reason: 'S3140' } as const;
    const { id } = await placeHold(alone.store, {
      ...by,
      scope: 'lane',
      target: `${WARM} google`,
      cause: 'incident:x',
    });
    const refused = await alone.run('resume', '--hold', String(id), '--reason', 'x');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /is not lifted here: \.\/rampart warmup resume 127\.10\.0\.10 --provider google/);
    assert.match((await alone.run('resume', '--hold', '999', '--reason', 'x')).stderr, /no hold 999 is in force/);
  });

  test('a resume of a campaign eases its mail, and not where it is told not to', async () => {
    await alone.run('stop', '--campaign', 'spring', '--reason', 'wrong price');
    await mail();
    const ran = await alone.run('resume', '--campaign', 'spring', '--reason', 'right again');
    assert.match(ran.stdout, /the rest goes at 25% of the pace for 30 min/);
    await alone.run('stop', '--campaign', 'spring', '--reason', 'wrong again');
    const fast = await alone.run('resume', '--campaign', 'spring', '--full-pace', '--reason', 'right again');
    assert.match(fast.stdout, /the rest goes at the pace of its lanes/);
    const { rows } = await alone.store.query('select ease_until is null as none from holds order by id');
    assert.deepEqual(rows, [{ none: false }, { none: true }]);
  });

  test('a resume of a netblock ends stale mail of its addresses, and no other', async () => {
    await alone.run('stop', '--netblock', '127.10.0.0/24', '--reason', 'they block it');
    const [inside, free] = [await mail(), await mail()];
    await alone.store.query('update queue set address = $2 where message = $1', [inside.message, WARM]);
    await alone.store.query(`update messages set received_at = now() - interval '20 hours'`);
    const args = ['--netblock', '127.10.0.0/24', '--stale', '12h', '--reason', 'delisted'];
    assert.match((await alone.run('resume', ...args, '--dry-run')).stdout, /1 of them would end as expired/);
    assert.match((await alone.run('resume', ...args)).stdout, /1 of them end as expired/);
    const { rows } = await alone.store.query('select message, expires <= now() as ended from queue order by message');
    assert.deepEqual(rows, [
      { message: inside.message, ended: true },
      { message: free.message, ended: false },
    ]);
  });

  test('mail that is claimed while a person reroutes or ends it stays as its process has it', async () => {
    const one = await mail();
    const claiming = await alone.store.connect();
    await claiming.query('begin');
    await claiming.query(`update queue set claim = 'mta-1', claimed_at = now() where message = $1`, [one.message]);
    const rerouted = alone.run('mta', 'reroute', '--to', 'lonely', '--pool', 'marketing', '--reason', 'x');
    const expired = alone.run('mta', 'expire', '--pool', 'marketing', '--reason', 'x');
    await until('both wait for it', async () => {
      const { rows } = await alone.store.query(`select from pg_stat_activity where wait_event_type = 'Lock'`);
      return rows.length === 2;
    });
    await claiming.query('commit');
    claiming.release();
    assert.match((await rerouted).stdout, /\n0 moved to pool lonely/);
    assert.match((await expired).stdout, /\n0 end as expired/);
    const { rows } = await alone.store.query('select pool, expires > now() as lives from queue');
    assert.deepEqual(rows, [{ pool: 'marketing', lives: true }]);
  });

  test('the queue is told by pool, provider and reason, whatever ids a reason names', async () => {
    for (let n = 0; n < 3; n++) await mail();
    await mail({ provider: 'yahoo', to: 'b@yahoo.com' });
    await alone.store.query(
      `update queue set reason = 'hold ' || (10000 + id) || ' (operator): wait' where provider = 'google'`,
    );
    const ran = await alone.run('mta', 'queue', '--json');
    const { totals, groups } = JSON.parse(ran.stdout);
    assert.deepEqual([totals.waiting, totals.due], [4, 4]);
    assert.deepEqual(
      groups.map((one: { provider: string; recipients: number; reason: string | null }) => [
        one.provider,
        one.recipients,
        one.reason,
      ]),
      [
        ['google', 3, 'hold … (operator): wait'],
        ['yahoo', 1, null],
      ],
    );
    assert.match((await alone.run('mta', 'queue')).stdout, /4 recipients wait.*\n.*\nmarketing +google +marketing +3/);
  });

  test('the queue says of mail that a stop holds which one, though nobody has looked at it, and how to lift it', async () => {
    await mail();
    await mail({ campaign: 'autumn' });
    await mail({ campaign: 'winter', provider: 'yahoo', to: 'b@yahoo.com', notBefore: Date.now() + 3_000_000 });
    const by = { cause: 'operator', actor: 'ann', reason: 'wrong price' } as const;
    await placeHold(alone.store, { scope: 'campaign', target: 'spring', reach: 'all', ...by });
    const { stdout } = await alone.run('mta', 'queue');
    assert.match(
      stdout,
      /google +marketing +1 .*hold \d+ on campaign spring \(operator, warm lanes too\) by ann: wrong price/,
    );
    assert.match(
      stdout,
      /google +marketing +1 .*no MTA process runs on node local/,
      'another campaign waits for other reasons',
    );
    assert.match(stdout, /yahoo +marketing +1 .*not before 20\d\d-/);
    assert.doesNotMatch(stdout, /\n {2}marketing yahoo: /, 'nothing of a lane makes it go before its date');
    assert.match(stdout, /\n {2}marketing google: \.\/rampart resume --hold \d+ --reason '…'\n/);
    const { groups } = JSON.parse((await alone.run('mta', 'queue', '--json')).stdout);
    const rules = groups.map((one: { binds: { rule: string } }) => one.binds.rule);
    assert.deepEqual(rules.toSorted(), ['hold', 'lanes', 'not-before']);
  });

  test("a message's story: by number or Message-ID, with each attempt and what it waits for", async () => {
    const one = await mail({ messageId: '<story@shop.example>' });
    const at = Date.now() - 60_000;
    await alone.store.query('update queue set claim = $1', ['p']);
    await commitOutcomes(
      alone.store,
      [
        {
          recipient: one.recipients[0] as number,
          message: one.message,
          address: WARM,
          provider: 'google',
          windowIndex: 1,
          at,
          number: 1,
          firstAt: at,
          unit: true,
          severity: 'deferred',
          class: 'greylist',
          scope: 'message',
          rule: 'any-greylist',
          reply: '451 4.7.1 Greylisted',
          host: 'mx.google.example',
          tls: 'TLSv1.3, certificate checked',
          campaign: 'spring',
          tenant: 'shop',
          probe: false,
          retry: { due: Date.now() + 600_000, free: false },
        },
      ],
      'p',
      { bucketMs: 60_000, idleMs: 1e9 },
    );
    for (const name of [String(one.message), 'story@shop.example', '<story@shop.example>']) {
      const ran = await alone.run('mta', 'message', name);
      assert.equal(ran.code, 0, ran.stderr);
      assert.match(
        ran.stdout,
        /#1 deferred at google \(mx\.google\.example, TLSv1\.3, certificate checked\) by 127\.10\.0\.10 \[greylist, message; rule any-greylist\]: 451 4\.7\.1/,
      );
      assert.match(ran.stdout, /waits to google, by 127\.10\.0\.10: due in \d+ min, expires in/);
    }
    // Delivered at last, and then heard of again.
    const finish = (over: object, of: Awaited<ReturnType<typeof mail>>) =>
      commitOutcomes(
        alone.store,
        [
          {
            ...{ recipient: of.recipients[0] as number, message: of.message, address: WARM, provider: 'google' },
            ...{ windowIndex: 1, at, number: 2, firstAt: at, unit: true, severity: 'delivered', class: 'delivered' },
            ...{ scope: 'message', rule: 'delivered', reply: '250 2.0.0 OK', campaign: 'spring', tenant: 'shop' },
            ...{ probe: false, retry: null, ...over },
          },
        ],
        'p',
        { bucketMs: 60_000, idleMs: 1e9 },
      );
    await alone.store.query('update queue set claim = $1', ['p']);
    await finish({}, one);
    const id = one.recipients[0] as number;
    await recordLateBounce(alone.store, id, { severity: 'hard', class: 'recipient', reply: '550 no user', detail: {} });
    await recordComplaint(alone.store, id, { feedback: { type: 'fraud' } });
    const told = await alone.run('mta', 'message', String(one.message));
    assert.match(told.stdout, /recipient \d+ <reader@gmail\.com>/);
    assert.match(told.stdout, /bounced after it was accepted: hard, recipient: 550 no user/);
    assert.match(told.stdout, /complaint: fraud/);
    assert.match(told.stdout, /finished: delivered/);
    const handed = await mail();
    await alone.store.query('update queue set claim = $1', ['p']);
    const relayed = { address: null, windowIndex: null, severity: 'relayed', rule: 'relayed', host: 'pmta.example:25' };
    await finish({ ...relayed, number: 1, unit: false }, handed);
    const { stdout } = await alone.run('mta', 'message', String(handed.message));
    assert.match(stdout, /#1 relayed at google \(pmta\.example:25\): 250 2\.0\.0 OK\n/);
    assert.match(stdout, /finished: handed on to pmta\.example:25/);
    assert.match((await alone.run('mta', 'message', 'nobody@x')).stderr, /no message is called "nobody@x"/);
  });

  test('reroute and expire touch what the filter names, and a dry run nothing', async () => {
    const first = await mail();
    const tried = await mail({ campaign: 'autumn' });
    await alone.store.query('update queue set attempts = 1, address = $2 where message = $1', [tried.message, COLD]);
    const doubt = await mail({ campaign: 'autumn' });
    await alone.store.query('update queue set doubts = 1, attempts = 1 where message = $1', [doubt.message]);
    const to = ['--to', 'lonely', '--pool', 'marketing', '--reason', 'blocked'];
    assert.match((await alone.run('mta', 'reroute', ...to, '--dry-run')).stdout, /up to 1 would move to pool lonely/);
    assert.match((await alone.run('mta', 'reroute', ...to)).stdout, /1 moved to pool lonely/);
    assert.match((await alone.run('mta', 'reroute', ...to, '--attempted')).stdout, /1 moved to pool lonely/);
    const { rows } = await alone.store.query(
      'select message, pool, host(address) as address from queue order by message',
    );
    assert.deepEqual(rows, [
      { message: first.message, pool: 'lonely', address: null },
      { message: tried.message, pool: 'lonely', address: null },
      { message: doubt.message, pool: 'marketing', address: null },
    ]);
    for (const [args, expected] of [
      [['--pool', 'marketing'], /say where to/],
      [['--to', 'lonley', '--pool', 'marketing'], /no pool is called "lonley" \(did you mean lonely\?\)/],
      [['--to', 'lonely'], /say which mail/],
      [['--to', 'lonely', '--older', 'soon'], /--older is "soon"/],
    ] as [string[], RegExp][]) {
      const ran = await alone.run('mta', 'reroute', ...args, '--reason', 'x');
      assert.equal(ran.code, 2);
      assert.match(ran.stderr, expected);
    }
    assert.match(
      (await alone.run('mta', 'expire', '--campaign', 'autumn', '--reason', 'late')).stdout,
      /2 end as expired/,
    );
  });

  test('top shows processes, queue and lanes once where there is no terminal', async () => {
    await mail();
    const ran = await alone.run('mta', 'top', '--once');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /0 of 0 MTA processes alive; queue: 1 wait, 1 due/);
    assert.match(ran.stdout, /127\.10\.0\.10 +google +marketing +warm +0\.0/);
    assert.doesNotMatch(ran.stdout, / planned /);
    assert.match(ran.stdout, /not shown: \d+ lanes that are not started/);
  });
});
