import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { SmtpClient } from '../../lab/smtp-client.ts';
import { STAYING } from '../../policy/overflow.ts';
import { freeFromLane } from '../../store/claims.ts';
import { clearHolds, placeHold } from '../../store/holds.ts';
import { commitOutcomes, type Outcome } from '../../store/queue.ts';
import { envelopeKey } from '../../store/recipient-key.ts';
import { suppress } from '../../store/suppressions.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { type SinkOptions, startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const COLD = '127.31.0.1';
const WARM = '127.31.1.1';
const RESERVE = '127.31.2.1';
const MX = '127.30.0.1';

async function world(context: Parameters<typeof MailWorld.start>[0], answers: SinkOptions = {}) {
  const made = await MailWorld.start(context, databases);
  const sink = await startSink(MX, made.smtpPort, answers);
  context.after(() => sink.stop());
  made.domain('provider.example', [['mx.provider.example', MX]]);
  return { made, sink };
}

describe('overflow', { concurrency: 3 }, () => {
  test('pool:<name>: what the cold lane may not take goes by a warm lane of that pool, under its own grant', async (context) => {
    const { made, sink } = await world(context);
    await made.pool('reserve', 'wait');
    await made.pool('marketing', 'pool:reserve');
    await made.lane(COLD, 'other', 'ramping');
    await made.lane(RESERVE, 'other', 'warm', 1_000, 'reserve');
    await made.mail(8);
    await made.mta();
    await until('all are delivered', () => sink.taken.length === 8);
    assert.ok(sink.taken.every((one) => one.from === RESERVE));
    await until('all are recorded', async () => (await made.attempts()).length === 8);
    assert.ok((await made.attempts()).every((one) => one.address === RESERVE && one.unit));
    const { rows } = await made.store.query('select distinct pool from messages');
    assert.deepEqual(rows, [{ pool: 'marketing' }], 'the mail stays of its own pool');
    const { rows: grants } = await made.store.query(
      'select host(address) as address, handed from grants where handed > 0',
    );
    assert.equal(grants.length, 1);
    assert.equal(grants[0].address, RESERVE);
  });

  test('nothing overflows while a warm lane of the pool may send; what its limit does not cover, does', async (context) => {
    const { made, sink } = await world(context);
    await made.pool('reserve', 'wait');
    await made.pool('marketing', 'pool:reserve');
    await made.lane(WARM, 'other', 'warm', 12);
    await made.lane(RESERVE, 'other', 'warm', 1_000, 'reserve');
    await made.mail(30);
    await made.mta();
    await until('all are delivered', () => sink.taken.length === 30);
    assert.equal(sink.taken.filter((one) => one.from === WARM).length, 12, 'its own lane first, to its limit');
    assert.ok(sink.taken.slice(0, 8).every((one) => one.from === WARM));
  });

  test('mail of a stopped lane leaves it, unless its last refusal was about its domain, links or content', async (context) => {
    const { made } = await world(context);
    await made.lane(COLD, 'other', 'ramping');
    await made.lane(WARM, 'other', 'warm');
    const said = [
      ['throttle', 'ip'],
      ['greylist', 'message'],
      ['throttle', 'domain'],
      ['reputation', 'url'],
      ['content', 'message'],
    ] as const;
    const ids = await made.mail(said.length);
    await made.store.query(`update queue set provider = 'other', claim = 'me', claimed_at = now()`);
    const outcomes = ids.map((recipient, n): Outcome => {
      const at = Date.now();
      const [of, scope] = said[n] ?? ['throttle', 'ip'];
      return {
        ...{
          recipient,
          message: recipient,
          address: COLD,
          provider: 'other',
          windowIndex: 0,
          at,
          number: 1,
          firstAt: at,
        },
        ...{ unit: true, severity: 'deferred', class: of, scope, rule: 'r', reply: '451', campaign: 'spring' },
        ...{ tenant: 'default', probe: false, retry: { due: at + 60_000, free: false } },
      };
    });
    await commitOutcomes(made.store, outcomes, 'me', { bucketMs: 60_000, idleMs: 1e9 });
    assert.equal(await freeFromLane(made.store, COLD, 'other', STAYING), 2);
    const left = (await made.queue()).filter((one) => one.freed).map((one) => one.id);
    assert.deepEqual(left, ids.slice(0, 2));
  });
});

describe('mail that overflowed stays of its own pool', { concurrency: 2 }, () => {
  /** Mail of `marketing` that belongs to a lane of `reserve`, because it was deferred there. */
  async function deferred(context: Parameters<typeof MailWorld.start>[0], count: number) {
    const { made, sink } = await world(context, {
      rcpt: (_rcpt, _from, before) => (before === 0 ? '451 4.7.1 Greylisted, come back in a minute' : null),
    });
    await made.pool('reserve', 'wait');
    await made.pool('marketing', 'pool:reserve');
    await made.lane(COLD, 'other', 'ramping');
    await made.lane(RESERVE, 'other', 'warm', 1_000, 'reserve');
    const ids = await made.mail(count);
    await made.mta();
    await until('it waits for the other pool’s lane', async () =>
      (await made.queue()).every(({ address, claim }) => address === RESERVE && claim === null),
    );
    return { made, sink, ids };
  }
  const dueNow = (made: MailWorld) => made.store.query('update queue set due = now() where claim is null');

  test('a pool that is stopped sends nothing by the lanes of another', async (context) => {
    const { made, sink } = await deferred(context, 2);
    const stop = { scope: 'pool', target: 'marketing', reach: 'all', cause: 'operator' } as const;
    const { id } = await placeHold(made.store, { ...stop, actor: 'ann', reason: 'wrong prices' });
    await made.mail(2);
    await dueNow(made);
    // The other pool's own mail is tried, and tried again: whatever may go by its lane has gone by then.
    await made.mail(1, {
      pool: 'reserve',
      recipients: [{ rcpt: 'own@provider.example', domain: 'provider.example', provider: null }],
    });
    await until('its own is deferred', () => sink.rcpts.some(({ rcpt }) => rcpt === 'own@provider.example'));
    await until('and put back', async () => (await made.queue()).every(({ claim }) => claim === null));
    await dueNow(made);
    await until('its own is delivered', () => sink.taken.some(({ rcpt }) => rcpt === 'own@provider.example'));
    assert.equal(
      sink.rcpts.filter(({ rcpt }) => rcpt !== 'own@provider.example').length,
      2,
      'the tries before the stop',
    );
    await clearHolds(made.store, [id], { actor: 'ann', reason: 'right again' });
    await until('the rest goes on', async () => {
      await dueNow(made);
      return sink.taken.length === 5;
    });
  });

  test('the suppression entries of its own pool stop it, and no others', async (context) => {
    const { made, sink, ids } = await deferred(context, 2);
    const [own = '', others = ''] = (await made.queue()).map(({ rcpt }) => rcpt);
    for (const [recipient, pool] of [
      [own, 'marketing'],
      [others, 'reserve'],
    ] as const) {
      const scope = { kind: 'pool', target: pool } as const;
      const entry = { source: 'manual', reason: 'x', actor: 'ann', streams: 'all' } as const;
      await suppress(made.store, [{ ...entry, recipient, key: envelopeKey(recipient), scope }]);
    }
    await dueNow(made);
    await until('both are finished', async () => (await made.queue()).length === 0);
    assert.deepEqual(
      sink.taken.map(({ rcpt }) => rcpt),
      [others],
    );
    const ended = (await made.attempts()).filter(({ final }) => final);
    assert.equal(ended.find(({ recipient }) => recipient === ids[0])?.rule, 'suppressed');
  });
});

describe('overflow refuse', { concurrency: 2 }, () => {
  const message = () => {
    const id = randomUUID();
    return {
      to: `r-${id}@provider.example`,
      text: `Message-ID: <${id}@shop.example>\r\nFrom: <a@shop.example>\r\n${ONE_CLICK}\r\nHello.\r\n`,
    };
  };
  const ONE_CLICK =
    'List-Unsubscribe: <https://shop.example/u/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n';

  test('what no lane can take now gets 451 4.3.2 with the reason; what is queued waits', async (context) => {
    const { made, sink } = await world(context);
    await made.pool('marketing', 'refuse');
    await made.lane(COLD, 'other', 'ramping');
    const { ready } = await made.mta();
    const client = new SmtpClient({
      host: '127.0.0.1',
      port: ready.submissionPort ?? 0,
      user: 'shop',
      password: 'secret',
    });
    context.after(() => client.close());
    const send = async () => {
      const { to, text } = message();
      const result = await client.send('bounce@shop.example', to, text);
      assert.equal(result.kind, 'answered');
      return result.kind === 'answered' ? result.text : '';
    };
    // Whose domain it is is not known yet: taken, and never dropped.
    assert.match(await send(), /^250 /);
    await until('its provider is known', async () => {
      const { rows } = await made.store.query(`select 1 from queue where provider = 'other'`);
      return rows.length === 1;
    });
    assert.match(
      await send(),
      /^451 4\.3\.2 Pool marketing takes no mail for other now, try again later: 127\.31\.0\.1: (no grant|mail waits before it)/,
    );
    assert.equal((await made.queue()).length, 1, 'the refused one was not kept');
    await made.grant(COLD, 'other', 100_000, 0, 1);
    await made.store.query('update lanes set revision = 1');
    await until('the one that waited is sent', () => sink.taken.length === 1);
    await until('mail is taken again', async () => (await send()).startsWith('250'));
    await until('and sent', () => sink.taken.length >= 2);
  });

  test('a hold refuses too, and other pools are not concerned', async (context) => {
    const { made, sink } = await world(context);
    await made.pool('marketing', 'refuse');
    await made.pool('other', 'warm-peers');
    await made.lane(WARM, 'other', 'warm');
    await made.lane(RESERVE, 'other', 'warm', 1_000, 'other');
    const { ready } = await made.mta();
    const client = new SmtpClient({
      host: '127.0.0.1',
      port: ready.submissionPort ?? 0,
      user: 'shop',
      password: 'secret',
    });
    context.after(() => client.close());
    const send = async (header = '') => {
      const { to, text } = message();
      const result = await client.send('bounce@shop.example', to, header + text);
      return result.kind === 'answered' ? result.text : result.kind;
    };
    assert.match(await send(), /^250 /);
    await until('it is sent', () => sink.taken.length === 1);
    await placeHold(made.store, {
      ...{ scope: 'pool', target: 'marketing', reach: 'all', cause: 'operator', actor: 'ann', reason: 'wrong prices' },
    });
    await until('the pool refuses', async () => {
      const said = await send();
      return /^451 4\.3\.2 .*hold \d+ \(operator\): wrong prices/.test(said);
    });
    assert.match(await send('X-Rampart-Pool: other\r\n'), /^250 /);
  });
});
