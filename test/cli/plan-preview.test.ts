import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { planNamed } from '../../policy/plan.ts';
import { insertRamp } from '../../store/lanes.ts';
import { COLD, type DatabaseAlone, databaseAlone, WARM } from './command-line.ts';

const DAY = 86_400_000;

describe('with nothing but PostgreSQL running', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
    // Twenty days of mail to google through the warm address, none to yahoo.
    for (let ago = 1; ago <= 20; ago++) {
      await alone.store.query(
        `insert into rollups (address, provider, campaign, bucket, attempts, delivered, hard)
         values ($1, 'google', 'news', date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - $2 * interval '1 day' + interval '9 h', 700, 590, 10)`,
        [WARM, ago],
      );
    }
  });
  after(() => alone.stop());

  test('preview says where the mail of the last 30 days ends, and which target fits', async () => {
    const ran = await alone.run('plan', 'preview', 'six-week', '--pool', 'marketing', '--target', '1000');
    assert.equal(ran.code, 0, ran.stderr);
    assert.match(ran.stdout, /shared by 1 address\n/);
    assert.match(
      ran.stdout,
      /^google reaches only \d\d% of stage \d+ of 42 \(\d+ a day\) with your last 30 days of volume: it waits at stage \d+; a target of 750 fits$/m,
    );
    assert.match(ran.stdout, /^what fits: --target google=750,default=750$/m, 'as the option takes it');
    assert.match(ran.stdout, /^yahoo reaches only 0% of stage 1 of 42 .*there was no mail at all$/m);
    const fits = await alone.run(
      'plan',
      'preview',
      'six-week',
      '--pool',
      'marketing',
      '--target',
      'google=600,default=50',
      '--json',
    );
    const { lanes } = JSON.parse(fits.stdout);
    const google = lanes.find(({ provider }: { provider: string }) => provider === 'google');
    assert.deepEqual([google.best, google.short, google.waits], [600, null, null]);
    assert.ok(google.days >= google.stages);
  });

  test('several addresses share the mail; another calendar has other days', async () => {
    const preview = async (...args: string[]) =>
      JSON.parse((await alone.run('plan', 'preview', 'six-week', '--pool', 'marketing', '--json', ...args)).stdout)
        .lanes[0];
    assert.equal((await preview('--addresses', '3')).best, 200);
    // Days that begin twelve hours later in Kiritimati have the same mail, cut elsewhere.
    assert.equal((await preview('--zone', 'Pacific/Kiritimati')).best, 600);
    const ran = await alone.run('plan', 'preview', 'six-week', '--pool', 'marketng');
    assert.deepEqual([ran.code, /did you mean marketing\?/.test(ran.stderr)], [2, true]);
  });

  test('a start with a plan that grows too fast is refused unless somebody asks for it by name', async () => {
    const start = (...args: string[]) => alone.run('warmup', 'start', COLD, '--plan', 'braze-moderate', ...args);
    const fast = await start();
    assert.equal(fast.code, 2);
    assert.match(
      fast.stderr,
      /grows faster than its cap \(default: stage 3 .*\): add --cap to slow it down, or --uncapped/,
    );
    assert.match((await start('--cap', '--uncapped', '--reason', 'r')).stderr, /contradict each other/);
    // Past every check: what is missing is Temporal.
    assert.match((await start('--cap')).stderr, /the ramp may not have started/);
    assert.match((await start('--uncapped', '--reason', 'I know them')).stderr, /the ramp may not have started/);
    assert.match((await start('--uncapped')).stderr, /say why: --reason TEXT/);
    assert.match((await start('--cap', '--send-days', '5-1')).stderr, /--send-days is "5-1": write 1-5 or 1,3,5/);
    assert.match((await start('--cap', '--send-hours', '20-8')).stderr, /--send-hours is "20-8": write 8-20/);
    assert.match((await start('--cap', '--zone', 'Mars')).stderr, /unknown time zone "Mars"/);
  });

  test('set-plan needs a running ramp, a reason, and somebody who applies it', async () => {
    const change = (...args: string[]) => alone.run('warmup', 'set-plan', COLD, '--plan', 'four-week', ...args);
    assert.match((await change()).stderr, /say why: --reason TEXT/);
    assert.match((await change('--reason', 'r')).stderr, /is not warming: start it with \.\/rampart warmup start/);
    const calendar = { kind: 'civil', zone: 'UTC', sendDays: [1], sendHours: { from: 0, to: 24 } } as const;
    const plan = planNamed('six-week', { targets: { default: 800 } });
    await insertRamp(alone.store, {
      ...{
        id: 'r1',
        address: COLD,
        pool: 'marketing',
        plan,
        calendar,
        firstWindow: 1,
        at: Date.now() - DAY,
        actor: 'ann',
      },
    });
    const silent = await change('--reason', 'r');
    assert.equal(silent.code, 1);
    assert.match(silent.stdout, /silent: no answer .*it may yet be done/);
  });
});
