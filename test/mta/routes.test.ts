import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { MailResolver, NoMail } from '../../mta/routing/resolver.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const WARM = '127.31.1.1';
const MX = '127.30.0.1';

describe('routes', { concurrency: 2 }, () => {
  test('null MX, no such domain and an address literal finish the mail with a reason; no MX means the A record', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    world.zone.addMx('closed.example', '.', 0);
    world.zone.addAddress('plain.example', MX);
    await world.lane(WARM, 'other', 'warm');
    for (const domain of ['closed.example', 'gone.example', '[192.0.2.1]', 'plain.example']) {
      await world.mail(1, { domain });
    }
    await world.mta();
    await until('all are finished', async () => (await world.queue()).length === 0);
    assert.deepEqual(
      sink.taken.map((one) => one.rcpt.split('@')[1]),
      ['plain.example'],
    );
    const bounces = (await world.attempts()).filter((one) => one.severity === 'hard');
    assert.equal(bounces.length, 3);
    assert.ok(bounces.every((one) => one.rule === 'no-mx' && one.final && !one.unit));
    const replies = bounces.map((one) => one.reply).sort();
    assert.match(replies[0] ?? '', /\[192\.0\.2\.1\] is not a domain name/);
    assert.match(replies[1] ?? '', /550 5\.1\.2 gone\.example has no MX and no address/);
    assert.match(replies[2] ?? '', /556 5\.1\.10 closed\.example does not accept mail \(null MX/);
  });

  test('mail to a provider without lanes of its own rides those of other, whenever its domain becomes known', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    world.domain('guarded.example', [['eu-smtp-inbound-1.mimecast.com', MX]]);
    await world.lane(WARM, 'other', 'warm');
    await world.lane(WARM, 'google', 'warm');
    await world.mail(2, { domain: 'guarded.example' });
    await world.mta();
    await until('it is delivered', () => sink.taken.length === 2);
    await until('it is recorded', async () => (await world.attempts()).length === 2);
    const { rows } = await world.store.query('select distinct provider from attempts');
    assert.deepEqual(rows, [{ provider: 'other' }]);
  });

  test('mail whose domain is known but takes no mail any more is finished too', async (context) => {
    const world = await MailWorld.start(context, databases);
    await world.lane(WARM, 'other', 'warm');
    const recipients = [{ rcpt: 'a@gone.example', domain: 'gone.example', provider: 'other' }];
    await world.mail(1, { recipients });
    await world.mta();
    await until('it is finished', async () => (await world.queue()).length === 0);
    assert.match((await world.attempts())[0]?.reply ?? '', /550 5\.1\.2 gone\.example has no MX/);
  });

  test('a name server that does not answer makes mail wait, says so, and does not hold up other domains', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    await world.lane(WARM, 'other', 'warm');
    await world.mail(3);
    const port = world.dnsPort;
    const dead = 1;
    await world.mta('mta-1', { resolvers: [`127.0.0.1:${dead}`] });
    await until('it says why it waits', async () =>
      (await world.queue()).every((one) => /DNS of provider\.example did not answer/.test(one.reason ?? '')),
    );
    assert.deepEqual(await world.attempts(), []);
    world.domain('provider.example', [['mx.provider.example', MX]]);
    await world.mta('mta-2', { resolvers: [`127.0.0.1:${port}`] });
    await until('another process that has DNS delivers', () => sink.taken.length === 3);
  });
});

describe('the resolver', () => {
  async function serving() {
    const zone = new Zone();
    const dns = new DnsServer(zone);
    return { zone, dns, port: await dns.start() };
  }

  test('goes on with what it knew when its servers die, without asking them for every message', async () => {
    const { zone, dns, port } = await serving();
    zone.addMx('provider.example', 'mx1.provider.example', 10);
    zone.addHost('mx1.provider.example', MX);
    let now = 0;
    const resolver = new MailResolver([`127.0.0.1:${port}`], () => now);
    const known = await resolver.route('provider.example');
    const ips = await resolver.addressesOf('mx1.provider.example');
    await dns.stop();
    now += 3_600_000;
    assert.deepEqual(await resolver.route('provider.example'), known);
    assert.deepEqual(await resolver.addressesOf('mx1.provider.example'), ips);
    const quick = await Promise.race([resolver.route('provider.example'), sleep(50).then(() => null)]);
    assert.deepEqual(quick, known, 'a stale route is remembered for a while');
    await assert.rejects(resolver.route('other.example'), (error) => !(error instanceof NoMail));
  });

  test('finds the provider by MX, orders by preference and shuffles equals', async (context) => {
    const { zone, dns, port } = await serving();
    context.after(() => dns.stop());
    for (const n of [1, 2]) zone.addMx('shop.example', `alt${n}.aspmx.l.google.com`, 5);
    zone.addMx('shop.example', 'aspmx.l.google.com', 1);
    const orders = new Set<string>();
    for (let n = 0; n < 40; n++) {
      const { provider, hosts } = await new MailResolver([`127.0.0.1:${port}`]).route('shop.example');
      assert.equal(provider, 'google');
      assert.equal(hosts[0], 'aspmx.l.google.com');
      orders.add(hosts.join());
    }
    assert.equal(orders.size, 2);
  });
});
