import assert from 'node:assert/strict';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SMTPServer } from 'smtp-server';
import type { DeliverySettings } from '../../mta/delivery-settings.ts';
import { certificateProblem } from '../../mta/transport-security/certificate-problem.ts';
import type { UpstreamSettings } from '../../mta/upstream/settings.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { clearHolds, placeHold } from '../../store/holds.ts';
import { Authority, type Certificate } from './authority.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
const authority = new Authority();
after(async () => {
  authority.remove();
  await databases.stop();
});

const UPSTREAM = '127.30.5.1';
const HOST = 'smtp.old.example';
/** RFC 8314 §3.3: TLS from the first byte. */
const IMPLICIT = 465;
const good = authority.issue([HOST]);

const DELIVERY: DeliverySettings = {
  tls: { default: 'opportunistic', providers: {}, domains: {} },
  sts: false,
  dane: false,
  ca: authority.pem,
  dkim: { files: [], alsoSign: {} },
};

async function legacy(context: TestContext, port: number, change: Partial<UpstreamSettings> = {}) {
  const world = await MailWorld.start(context, databases);
  world.zone.addHost(HOST, UPSTREAM);
  await world.pool('legacy', 'warm-peers', [`${HOST}:${port}`]);
  await world.mail(2, { pool: 'legacy' });
  const base = { pool: 'legacy', hosts: [{ host: HOST, port }], connections: 2, messagesPerConnection: 10 } as const;
  const start = () => world.mta('mta-1', { delivery: DELIVERY, upstreams: [{ ...base, tls: 'verify', ...change }] });
  const waits = (why: RegExp) =>
    until('it says why it waits', async () => {
      const queue = await world.queue();
      return queue.length === 2 && queue.every((one) => why.test(one.reason ?? ''));
    });
  return { world, start, waits };
}

/** Speaks TLS from the first byte, and lets in who knows the password. */
async function startImplicit(context: TestContext, ip: string, { cert, key }: Certificate) {
  const seen: string[] = [];
  const server = new SMTPServer({
    secure: true,
    cert,
    key,
    authMethods: ['PLAIN'],
    onAuth: ({ username, password }, _session, done) =>
      password === 'hush' ? done(null, { user: username ?? '' }) : done(new Error('who are you')),
    onData: (stream, session, done) => {
      stream.resume().on('end', () => {
        seen.push(`${session.user} ${session.secure}`);
        done();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(IMPLICIT, ip, () => resolve());
  });
  context.after(() => new Promise((resolve) => server.close(() => resolve(null))));
  return seen;
}

describe('an upstream whose certificate is checked', { concurrency: 3 }, () => {
  test('gets mail over STARTTLS, and the outcome says so', async (context) => {
    const port = await freePort();
    const sink = await startSink(UPSTREAM, port, { tls: good });
    context.after(() => sink.stop());
    const { world, start } = await legacy(context, port);
    await start();
    await until('all are handed on', async () => (await world.queue()).length === 0);
    assert.ok(sink.taken.every((one) => one.secure));
    for (const { tls } of await world.attempts()) assert.equal(tls, 'TLSv1.3, certificate checked');
  });

  test('known by its address alone is checked for that address', async (context) => {
    const port = await freePort();
    const sink = await startSink(UPSTREAM, port, { tls: authority.issue([UPSTREAM]) });
    context.after(() => sink.stop());
    const { world, start } = await legacy(context, port, { hosts: [{ host: UPSTREAM, port }] });
    await start();
    await until('all are handed on', async () => (await world.queue()).length === 0);
    assert.ok(sink.taken.every((one) => one.secure));
  });

  for (const [what, certificate, why] of [
    [
      'is for another name',
      authority.issue(['www.old.example']),
      /it is for www\.old\.example, not for smtp\.old\.example/,
    ],
    ['has expired', authority.issue([HOST], -1), /it expired on .*CERT_HAS_EXPIRED/],
  ] as const) {
    test(`gets nothing while it ${what}: mail is kept, says why, and goes once it is mended`, async (context) => {
      const port = await freePort();
      const sink = await startSink(UPSTREAM, port, { tls: certificate });
      const { world, start, waits } = await legacy(context, port);
      await start();
      await waits(why);
      assert.equal(sink.rcpts.length, 0);
      assert.deepEqual(await world.attempts(), []);
      await sink.stop();
      const mended = await startSink(UPSTREAM, port, { tls: good });
      context.after(() => mended.stop());
      await until('all are handed on', () => mended.taken.length === 2, 30_000);
    });
  }

  test('gets nothing where it offers no TLS at all', async (context) => {
    const port = await freePort();
    const sink = await startSink(UPSTREAM, port);
    context.after(() => sink.stop());
    const { start, waits } = await legacy(context, port);
    await start();
    await waits(/TLS/);
    assert.equal(sink.rcpts.length, 0);
  });
});

const mayBind = process.getuid?.() === 0;

describe('an upstream with TLS from the first byte (port 465)', { concurrency: 2 }, () => {
  const skip = mayBind ? false : 'needs a port below 1024: run as root';

  test('is signed in to and handed mail', { skip }, async (context) => {
    const seen = await startImplicit(context, UPSTREAM, good);
    const { world, start } = await legacy(context, IMPLICIT, { auth: { user: 'rampart', password: 'hush' } });
    await start();
    await until('all are handed on', async () => (await world.queue()).length === 0);
    assert.deepEqual(seen, ['rampart true', 'rampart true']);
    for (const { host, tls } of await world.attempts())
      assert.deepEqual([host, tls], [`${HOST}:465`, 'TLSv1.3, certificate checked']);
  });

  test('gets neither mail nor password when its certificate is for another name', { skip }, async (context) => {
    const other = '127.30.5.2';
    const seen = await startImplicit(context, other, authority.issue(['www.old.example']));
    const { world, waits } = await legacy(context, IMPLICIT);
    world.zone.addHost('smtp2.old.example', other);
    await world.mta('mta-1', {
      delivery: DELIVERY,
      upstreams: [
        {
          pool: 'legacy',
          hosts: [{ host: 'smtp2.old.example', port: IMPLICIT }],
          tls: 'verify',
          auth: { user: 'rampart', password: 'hush' },
          connections: 1,
          messagesPerConnection: 10,
        },
      ],
    });
    await waits(/it is for www\.old\.example, not for smtp2\.old\.example/);
    assert.deepEqual(seen, []);
  });
});

test('a hold on the arm stops the upstream before MAIL FROM, and its end lets the mail go', async (context) => {
  const port = await freePort();
  const sink = await startSink(UPSTREAM, port);
  context.after(() => sink.stop());
  const { world, start } = await legacy(context, port, { tls: 'none' });
  const hold = { scope: 'arm', target: 'legacy', reach: 'all', cause: 'cutover', actor: 'ann' } as const;
  const { id } = await placeHold(world.store, { ...hold, reason: 'the old arm is drained' });
  await start();
  await sleep(2_000);
  assert.equal(sink.rcpts.length, 0);
  assert.equal((await world.queue()).length, 2);
  await clearHolds(world.store, [id], { actor: 'ann', reason: 'over' });
  await until('all are handed on', () => sink.taken.length === 2);
  // While it runs: what is on its way ends, nothing new begins.
  const { id: again } = await placeHold(world.store, { ...hold, reason: 'rolled back' });
  await sleep(2_000);
  await world.mail(2, { pool: 'legacy' });
  await sleep(2_000);
  assert.equal(sink.taken.length, 2);
  await clearHolds(world.store, [again], { actor: 'ann', reason: 'over' });
  await until('the others are handed on', () => sink.taken.length === 4);
});

test('a certificate problem without words of ours is named by its code; many names are not all listed', () => {
  assert.equal(certificateProblem('CRL_HAS_EXPIRED', {}, HOST), 'CRL_HAS_EXPIRED');
  const subjectaltname = 'DNS:a.example, DNS:b.example, IP Address:192.0.2.1, DNS:c.example, DNS:d.example';
  assert.equal(
    certificateProblem('ERR_TLS_CERT_ALTNAME_INVALID', { subjectaltname }, HOST),
    'it is for a.example, b.example, 192.0.2.1 and 2 more, not for smtp.old.example (ERR_TLS_CERT_ALTNAME_INVALID)',
  );
  assert.match(certificateProblem('ERR_TLS_CERT_ALTNAME_INVALID', {}, HOST), /^it is for no name at all, not for /);
});
