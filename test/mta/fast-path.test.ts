import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { placeHold } from '../../store/holds.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { Raw } from './raw-client.ts';
import { startScripted, startSink, usual } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const LANE = '127.33.0.1';
const PEER = '127.33.1.1';
const MX = '127.32.0.1';
const PROVIDER = 'microsoft-consumer';
const FOUR = ['mta-1', 'mta-2', 'mta-3', 'mta-4'];
/** What the product promises (docs/architecture.md): with four processes, from the cause to the last new send. */
const BOUND_MS = 2_000;

const BLOCKED = `550 5.7.1 Unfortunately, messages from [${LANE}] weren't sent, as it is on our block list (S3140).`;

describe('a stop reaches four processes in time', () => {
  test('a reply that condemns a busy warm lane stops it everywhere, with one incident', async (context) => {
    const world = await MailWorld.start(context, databases);
    let condemned = Number.POSITIVE_INFINITY;
    const sink = await startSink(MX, world.smtpPort, {
      slow: 20,
      rcpt: (_rcpt, from) => (from === LANE && Date.now() >= condemned ? BLOCKED : null),
    });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    await world.lane(LANE, PROVIDER, 'warm', 100_000);
    await Promise.all(FOUR.map((name) => world.mta(name)));
    await world.mail(4_000);
    await until('all four are busy', () => sink.taken.length >= 300);
    condemned = Date.now();
    await until('it was refused', () => sink.rcpts.some((one) => one.at >= condemned));
    const first = sink.rcpts.find((one) => one.at >= condemned)?.at ?? 0;
    await sleep(2 * BOUND_MS);
    const last = sink.rcpts.at(-1)?.at ?? 0;
    assert.ok(last - first <= BOUND_MS, `the last send came ${last - first} ms after the first refusal`);
    assert.ok((await world.queue()).length > 0, 'there was more to send');
    const { rows } = await world.store.query('select scope, target, cause from incidents');
    assert.equal(rows.length, 1, 'once per incident, however many processes met it');
    assert.deepEqual([rows[0].scope, rows[0].target], ['lane', `${LANE} ${PROVIDER}`]);
  });

  test('the hold survives a restart of every process', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort, { rcpt: (_rcpt, from) => (from === LANE ? BLOCKED : null) });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    await world.lane(LANE, PROVIDER, 'warm', 100_000);
    const { process } = await world.mta('mta-1');
    await world.mail(5);
    await until('it was refused and held', async () => (await world.store.query('select from holds')).rowCount === 1);
    await process.stop();
    const before = sink.rcpts.length;
    await world.mta('mta-1');
    await world.mail(20);
    await sleep(1_500);
    assert.equal(sink.rcpts.length, before);
  });

  test('a reply that condemns a lane while its process drains is kept for those that send next', async (context) => {
    const world = await MailWorld.start(context, databases);
    let late: (() => void) | undefined;
    const sink = await startScripted(MX, world.smtpPort, {
      answer: (verb, _n, socket) => {
        if (verb !== 'RCPT') return usual(verb, true);
        late = () => socket.write(`${BLOCKED}\r\n`);
        return 'silence';
      },
    });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    await world.lane(LANE, PROVIDER, 'warm', 100_000);
    const { process, ready } = await world.mta('mta-1');
    await world.mail(1);
    await until('a message is under way', () => late !== undefined);
    const stopped = process.stop();
    await until('its listener is closed: it drains', () =>
      Raw.open('127.0.0.1', ready.submissionPort ?? 0).then(
        (client) => {
          client.close();
          return false;
        },
        () => true,
      ),
    );
    late?.();
    await stopped;
    const { rows } = await world.store.query('select scope, target from holds');
    assert.deepEqual(rows, [{ scope: 'lane', target: `${LANE} ${PROVIDER}` }]);
    assert.equal((await world.store.query('select from incidents')).rowCount, 1);
    assert.equal((await world.attempts())[0]?.severity, 'blocked', 'its outcome is kept too');
  });

  test('a stop of a provider, by one row and without Temporal, ends warm and cold mail; others go on', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort, { slow: 20 });
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.olc.protection.outlook.com', MX]]);
    world.domain('else.example', [['mx.else.example', MX]]);
    await world.lane(LANE, PROVIDER, 'warm', 100_000);
    await world.lane(PEER, 'other', 'warm', 100_000);
    await Promise.all(FOUR.map((name) => world.mta(name)));
    await world.mail(4_000);
    await world.mail(3_000, { domain: 'else.example' });
    await until('all four are busy', () => sink.taken.length >= 300);
    const stop = { scope: 'provider', target: PROVIDER, reach: 'all', cause: 'operator' } as const;
    await placeHold(world.store, { ...stop, actor: 'ann', reason: 'they block' });
    const at = Date.now();
    await sleep(2 * BOUND_MS);
    const last = sink.rcpts.filter((one) => one.from === LANE).at(-1)?.at ?? 0;
    assert.ok(last - at <= BOUND_MS, `the last send came ${last - at} ms after the stop`);
    assert.ok(
      sink.rcpts.filter((one) => one.from === PEER && one.at > at).length > 0,
      'another provider was stopped too',
    );
  });
});
