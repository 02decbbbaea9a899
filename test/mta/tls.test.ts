import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import type { DeliverySettings } from '../../mta/delivery-settings.ts';
import { EgressConnection } from '../../mta/egress/connection.ts';
import type { TlsPolicy, TlsRequirement } from '../../mta/transport-security/requirement.ts';
import { freePort } from '../../setup/host/free-port.ts';
import { Authority } from './authority.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startScripted, startSink, usual } from './sinks.ts';

const databases = await startDatabases();
const authority = new Authority();
after(async () => {
  authority.remove();
  await databases.stop();
});

const WARM = '127.31.1.1';
const MX = '127.30.0.1';
const HOST = 'mx.provider.example';
const good = authority.issue([HOST]);
const wrong = authority.issue(['www.provider.example']);
const RAW = Buffer.from('Subject: hello\r\n\r\nHello.\r\n');

function need(startTls: TlsRequirement['startTls'], check: TlsRequirement['check'] = 'nobody'): TlsRequirement {
  return { startTls, check, tlsa: [], serverName: HOST, why: 'the test asks for it' };
}

function tlsaOf(pem: typeof good) {
  const data = createHash('sha256')
    .update(pem.x509.publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
  return { usage: 3, selector: 1, matchingType: 1, data };
}

describe('a connection', () => {
  async function connecting(context: TestContext, tls: typeof good | null, asked: TlsRequirement, ca = true) {
    const port = await freePort();
    const sink = await startSink(MX, port, tls === null ? {} : { tls });
    context.after(() => sink.stop());
    const connection = new EgressConnection({
      host: HOST,
      ip: MX,
      port,
      localAddress: '127.31.1.1',
      ehloName: 'mta.example',
      need: asked,
      ...(ca ? { authorities: createSecureContext({ ca: authority.pem }) } : {}),
    });
    context.after(() => connection.close());
    return { connection, refused: await connection.connect(), sink };
  }

  test('says how it is protected', async (context) => {
    const { connection } = await connecting(context, good, need('try'));
    assert.equal(connection.secured?.version, 'TLSv1.3');
    assert.equal(connection.secured?.problem, null);
    const answer = await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
    assert.equal(answer.code, 250);
  });

  for (const [what, tls, asked, ca, passes] of [
    ['opportunistic: an unknown authority is better than nothing', good, need('try'), false, true],
    ['opportunistic: without TLS in clear', null, need('try'), true, true],
    ['never: not even where it is offered', good, need('never'), true, true],
    ['required: with anybody', wrong, need('must'), false, true],
    ['required: without TLS not at all', null, need('must'), true, false],
    ['verify: a good certificate', good, need('must', 'public-authority'), true, true],
    ['verify: an unknown authority', good, need('must', 'public-authority'), false, false],
    ['verify: a certificate for another name', wrong, need('must', 'public-authority'), true, false],
    ['DANE: a certificate that matches', good, { ...need('must', 'tlsa'), tlsa: [tlsaOf(good)] }, false, true],
    ['DANE: another certificate', wrong, { ...need('must', 'tlsa'), tlsa: [tlsaOf(good)] }, true, false],
  ] as const) {
    test(`${what}: ${passes ? 'opens' : 'does not open'}`, async (context) => {
      const { connection, refused, sink } = await connecting(context, tls, asked, ca);
      assert.equal(connection.open, passes);
      if (passes) {
        await connection.deliver('a@shop.example', 'b@provider.example', RAW, () => true);
        const secure = tls !== null && asked.startTls !== 'never';
        assert.deepEqual(sink.taken.map((one) => one.secure), [secure]); // biome-ignore format: short
        assert.equal(connection.secured !== null, secure);
      } else {
        assert.deepEqual([refused?.code, refused?.sent, refused?.cause], [0, false, 'tls']);
        assert.equal(sink.rcpts.length, 0);
      }
    });
  }
});

/** A host that offers STARTTLS and then breaks the handshake. */
function broken(verb: string, socket: import('node:net').Socket): string {
  if (verb === 'EHLO') return '250-sink\r\n250 STARTTLS';
  if (verb === 'STARTTLS') {
    setTimeout(() => socket.destroy(), 20);
    return '220 go ahead';
  }
  return usual(verb);
}

describe('mail to a domain', { concurrency: 2 }, () => {
  async function world(context: TestContext, delivery: Partial<DeliverySettings> = {}, policy?: TlsPolicy) {
    const mail = await MailWorld.start(context, databases);
    mail.domain('provider.example', [[HOST, MX]]);
    await mail.lane(WARM, 'other', 'warm');
    const settings: DeliverySettings = {
      tls: { default: 'opportunistic', providers: {}, domains: policy ? { 'provider.example': policy } : {} },
      sts: false,
      dane: true,
      trustAd: true,
      ca: authority.pem,
      dkim: { files: [], alsoSign: {} },
      ...delivery,
    };
    const start = async () => {
      await mail.mail(1);
      await mail.mta('mta-1', { delivery: settings });
    };
    const protection = async () => {
      await until('its outcome is recorded', async () => (await mail.queue()).length === 0);
      return (await mail.attempts())[0]?.tls ?? '';
    };
    const waits = (why: RegExp) =>
      until('it says why it waits', async () => (await mail.queue()).some((one) => why.test(one.reason ?? '')));
    return { mail, start, protection, waits };
  }

  /** The policy host of provider.example. */
  async function stsHost(context: TestContext, mail: MailWorld, policy: string): Promise<{ port: number; ca: string }> {
    const { cert, key } = authority.issue(['mta-sts.provider.example']);
    const server = https.createServer({ cert, key }, (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(policy);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    context.after(() => void server.close());
    mail.zone.addText('_mta-sts.provider.example', 'v=STSv1; id=1;');
    mail.zone.addAddress('mta-sts.provider.example', '127.0.0.1');
    return { port: (server.address() as AddressInfo).port, ca: authority.pem };
  }
  const policyOf = (mode: string, mx: string) => `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`;

  test('goes in clear after a failed opportunistic handshake, and its outcome says so', async (context) => {
    const { mail, start, protection } = await world(context);
    const sink = await startScripted(MX, mail.smtpPort, { answer: (verb, _n, socket) => broken(verb, socket) });
    context.after(() => sink.stop());
    await start();
    assert.match(await protection(), /^in clear$/);
    assert.equal(sink.log.filter((verb) => verb === 'STARTTLS').length, 1);
  });

  test('never goes in clear where TLS is required', async (context) => {
    const { mail, start, waits } = await world(context, {}, 'required');
    const sink = await startScripted(MX, mail.smtpPort, { answer: (verb, _n, socket) => broken(verb, socket) });
    context.after(() => sink.stop());
    await start();
    await waits(/TLS policy required \(domain provider\.example\)/);
    await sleep(1_000);
    assert.ok(!sink.log.includes('MAIL'));
    assert.deepEqual(await mail.attempts(), []);
  });

  test('goes over TLS that was checked where its MTA-STS policy is enforced', async (context) => {
    const { mail, protection } = await world(context);
    const sink = await startSink(MX, mail.smtpPort, { tls: good });
    context.after(() => sink.stop());
    const host = await stsHost(context, mail, policyOf('enforce', '*.provider.example'));
    await mail.mail(1);
    await mail.mta('mta-2', { delivery: { ...OFF, sts: host, ca: authority.pem } });
    assert.match(await protection(), /^TLSv1\.3, certificate checked$/);
    assert.ok(sink.taken[0]?.secure);
    const { rows } = await mail.store.query('select domain, mode, mx from sts_policies');
    assert.deepEqual(rows, [{ domain: 'provider.example', mode: 'enforce', mx: ['*.provider.example'] }]);
  });

  for (const [what, tls, mx, why] of [
    ['a host that offers no TLS', null, HOST, /no TLS.*MTA-STS|STARTTLS.*MTA-STS/],
    ['a certificate for another name', wrong, HOST, /certificate is not good.*MTA-STS/],
    ['a host its policy does not name', good, 'mx.else.example', /does not name it/],
  ] as const) {
    test(`waits under an enforced MTA-STS policy: ${what}`, async (context) => {
      const { mail, waits } = await world(context);
      const sink = await startSink(MX, mail.smtpPort, tls === null ? {} : { tls });
      context.after(() => sink.stop());
      const host = await stsHost(context, mail, policyOf('enforce', mx));
      await mail.mail(1);
      await mail.mta('mta-1', { delivery: { ...OFF, sts: host, ca: authority.pem } });
      await waits(why);
      assert.equal(sink.rcpts.length, 0);
    });
  }

  test('is not held up by a policy that is only tested', async (context) => {
    const { mail, protection } = await world(context);
    const sink = await startSink(MX, mail.smtpPort);
    context.after(() => sink.stop());
    const host = await stsHost(context, mail, policyOf('testing', HOST));
    await mail.mail(1);
    await mail.mta('mta-1', { delivery: { ...OFF, sts: host, ca: authority.pem } });
    assert.match(await protection(), /^in clear$/);
  });

  test('goes by DANE where DNSSEC vouches for it', async (context) => {
    const { mail, start, protection } = await world(context);
    const sink = await startSink(MX, mail.smtpPort, { tls: good });
    context.after(() => sink.stop());
    const name = `_${mail.smtpPort}._tcp.${HOST}`;
    mail.zone.addTlsa(name, 3, 1, 1, tlsaOf(good).data);
    mail.zone.sign('provider.example', HOST, name);
    await start();
    assert.match(await protection(), /^TLSv1\.3, checked by DANE$/);
  });

  test('waits when the certificate is not the one of its TLSA records', async (context) => {
    const { mail, start, waits, protection } = await world(context);
    const sink = await startSink(MX, mail.smtpPort, { tls: wrong });
    context.after(() => sink.stop());
    const name = `_${mail.smtpPort}._tcp.${HOST}`;
    mail.zone.addTlsa(name, 3, 1, 1, tlsaOf(good).data);
    mail.zone.sign('provider.example', HOST, name);
    await start();
    await waits(/matches no TLSA record.*DANE/);
    assert.equal(sink.rcpts.length, 0);
    await sink.stop();
    const right = await startSink(MX, mail.smtpPort, { tls: good });
    context.after(() => right.stop());
    assert.match(await protection(), /checked by DANE/);
  });

  test('shares a kept connection only where its own needs are met', async (context) => {
    const { mail, start } = await world(context, {}, 'verify');
    const sink = await startSink(MX, mail.smtpPort, { tls: wrong });
    context.after(() => sink.stop());
    mail.zone.addMx('easy.example', HOST, 10);
    await mail.mail(3, { domain: 'easy.example' });
    await start();
    await until('the easy mail is delivered', () => sink.taken.length === 3);
    await until('the other waits', async () =>
      (await mail.queue()).some((one) => /certificate is not good/.test(one.reason ?? '')),
    );
    assert.ok(sink.taken.every((one) => one.rcpt.endsWith('easy.example')));
  });
});

const OFF: DeliverySettings = {
  tls: { default: 'opportunistic', providers: {}, domains: {} },
  sts: false,
  dane: false,
  dkim: { files: [], alsoSign: {} },
};
