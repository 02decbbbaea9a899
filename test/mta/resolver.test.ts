import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { describe, type TestContext, test } from 'node:test';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { BadName, DnsClient, DnsFailure } from '../../mta/routing/dns-client.ts';
import { MailResolver, NoMail, type OwnPlaces } from '../../mta/routing/resolver.ts';

const MX = '127.30.0.1';

async function serving(context: TestContext, own?: OwnPlaces) {
  const zone = new Zone();
  const dns = new DnsServer(zone);
  const port = await dns.start();
  context.after(() => dns.stop());
  let now = 0;
  const resolver = new MailResolver([`127.0.0.1:${port}`], () => now, own === undefined ? {} : { own });
  const client = new DnsClient({ servers: [`127.0.0.1:${port}`], clock: () => now });
  const pass = (ms: number) => {
    now += ms;
  };
  return { zone, dns, port, resolver, client, pass };
}

const status = (expected: NoMail['status']) => (error: unknown) => error instanceof NoMail && error.status === expected;

describe('a route', () => {
  test('of a domain that is an alias is the route of what it stands for', async (context) => {
    const { zone, resolver } = await serving(context);
    zone.addAlias('shop.example', 'hop.example');
    zone.addAlias('hop.example', 'real.example');
    zone.addMx('real.example', 'MX1.Real.Example', 10);
    assert.deepEqual((await resolver.route('shop.example')).hosts, ['mx1.real.example']);
  });

  test('of an alias without MX is the host it stands for', async (context) => {
    const { zone, resolver } = await serving(context);
    zone.addAlias('shop.example', 'web.example');
    zone.addAddress('web.example', MX);
    assert.deepEqual((await resolver.route('shop.example')).hosts, ['web.example']);
  });

  test('of aliases in a circle is no answer, not the end of the mail', async (context) => {
    const { zone, resolver } = await serving(context);
    zone.addAlias('a.example', 'b.example');
    zone.addAlias('b.example', 'a.example');
    await assert.rejects(resolver.route('a.example'), DnsFailure);
  });

  test('of an internationalised domain is found by its A-labels', async (context) => {
    const { zone, resolver } = await serving(context);
    zone.addMx('xn--bcher-kva.example', 'mx.example', 10);
    assert.deepEqual((await resolver.route('bücher.example')).hosts, ['mx.example']);
  });

  test('that could not be asked for is no word about the domain; one that does not exist is', async (context) => {
    const { zone, resolver } = await serving(context);
    zone.fail('broken.example', 'half.example');
    await assert.rejects(resolver.route('broken.example'), (error) => error instanceof DnsFailure && error.code === 'SERVFAIL'); // biome-ignore format: one line a case
    await assert.rejects(resolver.route('gone.example'), status('5.1.2'));
    for (const name of ['[192.0.2.1]', '192.0.2.1', 'a b.example', `${'x'.repeat(64)}.example`, '']) {
      await assert.rejects(resolver.route(name), status('5.1.2'), name);
    }
    zone.addMx('closed.example', '.', 0);
    await assert.rejects(resolver.route('closed.example'), status('5.1.10'));
  });

  test('leaves out ourselves and every host that is not preferred to us', async (context) => {
    const own = { names: ['mx.us.example'], addresses: ['127.30.0.9'] };
    const { zone, resolver } = await serving(context, own);
    for (const [preference, host] of [[5, 'first'], [10, 'same'], [20, 'later']] as const) zone.addMx('shop.example', `${host}.example`, preference); // biome-ignore format: pairs
    zone.addMx('shop.example', 'MX.us.example', 10);
    assert.deepEqual((await resolver.route('shop.example')).hosts, ['first.example']);
    zone.addMx('ours.example', 'mx.us.example', 10);
    zone.addMx('ours.example', 'backup.example', 20);
    await assert.rejects(resolver.route('ours.example'), status('5.4.6'));
    // Known by its address, whatever it is called.
    zone.addMx('hidden.example', 'alias-of-us.example', 10);
    zone.addAddress('alias-of-us.example', '127.30.0.9');
    await assert.rejects(resolver.route('hidden.example'), status('5.4.6'));
  });

  test('is remembered as long as DNS says, within bounds, and asked for once at a time', async (context) => {
    const { zone, resolver, pass } = await serving(context);
    zone.addMx('shop.example', 'one.example', 10);
    await Promise.all([resolver.route('shop.example'), resolver.route('shop.example')]);
    zone.remove('shop.example');
    zone.addMx('shop.example', 'two.example', 10);
    pass(59_000);
    assert.deepEqual(resolver.freshRoute('shop.example')?.hosts, ['one.example']);
    pass(2_000);
    assert.equal(resolver.freshRoute('shop.example'), null);
    assert.deepEqual(resolver.knownHosts('shop.example'), ['one.example']);
    assert.deepEqual((await resolver.route('shop.example')).hosts, ['two.example']);
  });

  test('that does not exist is asked for again soon', async (context) => {
    const { zone, resolver, pass } = await serving(context);
    await assert.rejects(resolver.route('new.example'), NoMail);
    zone.addMx('new.example', 'mx.example', 10);
    await assert.rejects(resolver.route('new.example'), NoMail);
    pass(31_000);
    assert.deepEqual((await resolver.route('new.example')).hosts, ['mx.example']);
  });
});

describe('the DNS client', () => {
  test('goes on to the next server when one is dead, silent or fails, and asks that one last for a while', async (context) => {
    const { zone, port } = await serving(context);
    zone.addAddress('a.example', MX);
    const silent = dgram.createSocket('udp4');
    let asked = 0;
    silent.on('message', () => {
      asked += 1;
    });
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    context.after(() => void silent.close());
    const servers = ['127.0.0.1:1', `127.0.0.1:${silent.address().port}`, `127.0.0.1:${port}`];
    const client = new DnsClient({ servers, clock: () => 0 });
    for (let n = 0; n < 3; n++) assert.equal((await client.query('a.example', 'A')).records.length, 1);
    assert.equal(asked, 1, 'what did not answer is not asked each time');
    zone.fail('bad.example');
    await assert.rejects(client.query('bad.example', 'A'), DnsFailure);
  });

  test('asks over TCP what does not fit UDP', async (context) => {
    const { zone, client } = await serving(context);
    for (let n = 0; n < 60; n++) zone.addText('long.example', `${n}${'x'.repeat(200)}`);
    assert.equal((await client.query('long.example', 'TXT')).records.length, 60);
  });

  test('takes no answer that is not one to its question', async (context) => {
    const socket = dgram.createSocket('udp4');
    const { zone, port } = await serving(context);
    zone.addAddress('a.example', MX);
    zone.addAddress('b.example', '127.66.6.6');
    // A liar before the true answer: another id, another name, garbage.
    socket.on('message', (query, from) => {
      const reply = (bytes: Buffer) => socket.send(bytes, from.port, from.address);
      const otherId = Buffer.from(query);
      otherId[0] = (otherId[0] ?? 0) ^ 0xff;
      otherId[2] = 0x80;
      const otherName = Buffer.from(query);
      otherName[2] = 0x80;
      otherName[13] = 'b'.charCodeAt(0);
      reply(otherId);
      reply(otherName);
      reply(Buffer.from('garbage'));
      const upstream = dgram.createSocket('udp4');
      upstream.on('message', (answer) => {
        reply(answer);
        upstream.close();
      });
      upstream.send(query, port, '127.0.0.1');
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    context.after(() => void socket.close());
    const client = new DnsClient({ servers: [`127.0.0.1:${socket.address().port}`], clock: () => 0 });
    const { records } = await client.query('a.example', 'A');
    assert.deepEqual(records.map((record) => (record.type === 'A' ? record.data : '')), [MX]); // biome-ignore format: short
  });

  test('believes AD of servers on loopback, of others only when told', async (context) => {
    const { zone, port } = await serving(context);
    zone.addAddress('a.example', MX);
    zone.sign('a.example');
    const authentic = async (trustAd?: boolean) => {
      const client = new DnsClient({
        servers: [`127.0.0.1:${port}`],
        clock: () => 0,
        ...(trustAd === undefined ? {} : { trustAd }),
      });
      return (await client.query('a.example', 'A')).authentic;
    };
    assert.equal(await authentic(), true);
    assert.equal(await authentic(false), false);
    assert.equal(new DnsClient({ servers: ['192.0.2.53'], clock: () => 0 }).trustAd, false);
    assert.equal(new DnsClient({ servers: ['192.0.2.53'], clock: () => 0, trustAd: true }).trustAd, true);
  });

  test('an alias that nobody vouches for makes the whole answer so', async (context) => {
    const { zone, client } = await serving(context);
    zone.addAlias('alias.example', 'a.example');
    zone.addAddress('a.example', MX);
    zone.sign('a.example');
    assert.equal((await client.query('a.example', 'A')).authentic, true);
    assert.equal((await client.query('alias.example', 'A')).authentic, false);
  });

  test('names that can not be asked for are told from names without an answer', async (context) => {
    const { client } = await serving(context);
    await assert.rejects(client.query('a..example', 'A'), BadName);
    assert.equal((await client.query('_dmarc.none.example', 'TXT')).exists, false);
  });
});
