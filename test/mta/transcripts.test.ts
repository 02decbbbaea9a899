import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { endTrace, startTrace, traceLines } from '../../store/traces.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const WARM = '127.34.0.1';
const MX = '127.35.0.1';

test('a conversation is written down while somebody asks, a kept connection too, without the text', async (context) => {
  const world = await MailWorld.start(context, databases);
  const sink = await startSink(MX, world.smtpPort, {
    rcpt: (rcpt) => (rcpt.startsWith('gone') ? '550 5.1.1 No such user' : null),
  });
  context.after(() => sink.stop());
  world.domain('provider.example', [['mx.provider.example', MX]]);
  await world.lane(WARM, 'other', 'warm');
  await world.mta('mta-1');
  await world.mail(3);
  await until('a connection is kept', () => sink.taken.length === 3);

  const nobody = await startTrace(
    world.store,
    { provider: 'google' },
    { sessions: 5, until: Date.now() + 60_000, actor: 'ann' },
  );
  const trace = await startTrace(
    world.store,
    { provider: 'other', host: 'provider' },
    { sessions: 1, until: Date.now() + 60_000, actor: 'ann' },
  );
  await until('the process heard of it', async () => {
    await world.mail(1, {
      recipients: [{ rcpt: 'gone@provider.example', domain: 'provider.example', provider: 'other' }],
    });
    return (await traceLines(world.store, trace, 0)).some((one) => one.line.startsWith('550 '));
  });
  const lines = (await traceLines(world.store, trace, 0)).map((one) => `${one.who} ${one.line}`);
  const text = lines.join('\n');
  assert.match(lines[0] ?? '', /^note 127\.34\.0\.1 to mx\.provider\.example \[127\.35\.0\.1\], other$/);
  assert.match(text, /^server 220 /m);
  assert.match(text, /^client EHLO mta\.example$/m);
  assert.match(text, /^client RCPT TO:<gone@provider\.example>/m);
  assert.match(text, /^server 550 5\.1\.1 No such user/m);
  assert.doesNotMatch(text, /Hello\./);
  assert.deepEqual(await traceLines(world.store, nobody, 0), []);
  const sessions = new Set((await traceLines(world.store, trace, 0)).map((one) => one.session));
  assert.equal(sessions.size, 1, 'as many conversations as were asked for');
  await endTrace(world.store, trace);
  assert.deepEqual(await traceLines(world.store, trace, 0), []);
});
