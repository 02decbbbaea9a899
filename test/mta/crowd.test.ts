import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { SmtpClient } from '../../lab/smtp-client.ts';
import { startDatabases } from './databases.ts';
import { inject } from './injectors.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

test('a crowd waits for its places in turn: nothing goes by way of the queue, transactional mail waits for nobody', async (context) => {
  const world = await MailWorld.start(context, databases, { dayLength: 3_600_000 });
  const sink = await startSink('127.30.0.1', world.smtpPort, { slow: 100 });
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', '127.30.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm', 1_000_000);
  const { ready } = await world.mta('mta-1', {
    shaping: { default: { connections: 10, messagesPerConnection: 1_000, connectionsPerMinute: 10_000 } },
  });
  const port = ready.submissionPort ?? 0;
  const header = 'X-Rampart-Campaign: large\r\n';
  const crowd = inject(port, { clients: 30, everyMs: 1, domain: 'provider.example', header });
  context.after(() => crowd.stop());
  await until('the crowd is well on its way', () => sink.taken.length > 150);

  // Of ten connections two are kept for transactional mail: one client finds one free, however many wait for the others.
  const { rows: before } = await world.store.query('select coalesce(max(recipient), 0) as last from attempts');
  const single = new SmtpClient({ host: '127.0.0.1', port, user: 'shop', password: 'secret' });
  context.after(() => single.close());
  const letInBefore: number[] = [];
  for (let n = 0; n < 11; n++) {
    const accepted = crowd.accepted.size;
    const message = `From: <a@shop.example>\r\nX-Rampart-Stream: transactional\r\nX-Rampart-Campaign: single\r\n\r\nHello.\r\n`;
    const result = await single.send('bounce@shop.example', `single${n}@provider.example`, message);
    assert.ok(result.kind === 'answered' && result.code === 250);
    letInBefore.push(crowd.accepted.size - accepted);
  }
  await crowd.stop();
  await until('all is delivered', () => sink.taken.length === crowd.accepted.size + letInBefore.length);
  assert.deepEqual(crowd.refusals, []);
  const usual = letInBefore.toSorted((a, b) => a - b)[5] ?? Number.NaN;
  console.log(String(letInBefore));
  assert.ok(usual <= 12, `of the crowd ${letInBefore} were let in before each transactional message`);

  // Ids are given by the commit: a message that had its place goes out at once, one of the queue after those that came later.
  const { rows } = await world.store.query('select recipient from attempts where recipient > $1 order by at, id', [
    before[0].last,
  ]);
  const overtaken = rows.map((row, n) => rows.slice(n).filter((later) => later.recipient < row.recipient).length);
  const most = Math.max(...overtaken);
  assert.ok(most <= 10, `a message was overtaken by ${most} that were accepted after it`);
});
