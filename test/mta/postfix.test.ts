import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { startPostfix } from '../../bench/engines/postfix.ts';
import type { DeliverySettings } from '../../mta/delivery-settings.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { Authority } from './authority.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
const authority = new Authority();
after(async () => {
  authority.remove();
  await databases.stop();
});

const HOST = 'mx.provider.example';
const SINK = '127.30.4.1';
const postfixHere = process.getuid?.() === 0 && existsSync('/usr/sbin/postfix');
const skip = postfixHere ? false : 'needs Postfix, as root: setup/setup.sh --lab';

const VERIFY: DeliverySettings = {
  tls: { default: 'verify', providers: {}, domains: {} },
  sts: false,
  dane: false,
  ca: authority.pem,
  dkim: { files: [], alsoSign: {} },
};

/** A provider that runs Postfix: it passes what it takes to a sink, so that a test can read it. */
async function provider(context: Parameters<typeof MailWorld.start>[0], more: Record<string, string>) {
  const world = await MailWorld.start(context, databases);
  const sinkPort = await freePort();
  const sink = await startSink(SINK, sinkPort);
  const postfix = await startPostfix({ ip: SINK, port: sinkPort, domain: 'provider.example' }, more);
  context.after(() => Promise.all([sink.stop(), postfix.stop()]));
  world.domain('provider.example', [[HOST, '127.0.0.1']]);
  await world.lane('127.31.1.1', 'other', 'warm');
  return { world, sink, port: postfix.port };
}

const at = (...names: string[]) => ({
  recipients: names.map((name) => ({ rcpt: `${name}@provider.example`, domain: 'provider.example', provider: null })),
});

describe('a remote that runs Postfix', { concurrency: 2 }, () => {
  test('gets mail over TLS that was checked; what it refuses bounces, what it puts off is tried again', {
    skip,
  }, async (context) => {
    const { cert, key } = authority.issue([HOST]);
    const pem = path.join(databases.folder, 'postfix.pem');
    await writeFile(pem, key + cert, { mode: 0o600 });
    const { world, sink, port } = await provider(context, {
      smtpd_tls_security_level: 'encrypt',
      smtpd_tls_chain_files: pem,
      smtpd_recipient_restrictions:
        'check_recipient_access inline:{ {gone@provider.example = 550 5.1.1 no such user}, {busy@provider.example = 450 4.2.1 come back} }, permit_mynetworks, reject',
    });
    await world.mail(1, at('gone', 'busy', 'anna', 'ben'));
    const large = Buffer.from(
      `Message-ID: <large@shop.example>\r\nFrom: <a@shop.example>\r\n\r\n${'.dots and text\r\n'.repeat(4_000)}`,
    );
    await world.mail(1, { ...at('carla'), raw: large });
    await world.mta('mta-1', { smtpPort: port, delivery: VERIFY, bounceDomain: 'bounces.shop.example' });
    await until('the good ones are delivered', () => sink.taken.length === 3);
    await until('all have an outcome', async () => (await world.attempts()).length === 5);
    const by = Map.groupBy(await world.attempts(), (one) => one.severity);
    assert.deepEqual(
      [...by].map(([severity, list]) => [severity, list.length]).sort(),
      [['deferred', 1], ['delivered', 3], ['hard', 1]], // biome-ignore format: short
    );
    assert.match(by.get('hard')?.[0]?.reply ?? '', /^550 5\.1\.1 .*no such user/);
    for (const { reply } of by.get('delivered') ?? []) assert.match(reply, /^250 2\.0\.0 Ok: queued as /);
    const carla = sink.taken.find((one) => one.rcpt.startsWith('carla'));
    assert.match(carla?.mailFrom ?? '', /^b\+.*@bounces\.shop\.example$/, 'VERP');
    assert.ok(carla?.raw.endsWith(large.subarray(large.indexOf('\r\n\r\n')).toString('latin1')), 'not a byte differs');
    await world.store.query('update queue set due = now()');
    await until('the deferred one is tried again', async () => (await world.attempts()).length === 6);
  });

  test('whose certificate is another host’s waits unsent where it must be checked', { skip }, async (context) => {
    const { cert, key } = authority.issue(['www.provider.example']);
    const pem = path.join(databases.folder, 'wrong.pem');
    await writeFile(pem, key + cert, { mode: 0o600 });
    const { world, sink, port } = await provider(context, {
      smtpd_tls_security_level: 'may',
      smtpd_tls_chain_files: pem,
    });
    await world.mail(1, at('anna'));
    await world.mta('mta-1', { smtpPort: port, delivery: VERIFY });
    await until('it says why', async () =>
      (await world.queue()).some((one) =>
        /it is for www\.provider\.example, not for mx\.provider\.example/.test(one.reason ?? ''),
      ),
    );
    assert.equal(sink.rcpts.length, 0);
    assert.deepEqual(await world.attempts(), []);
  });
});
