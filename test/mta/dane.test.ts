import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { after, describe, type TestContext, test } from 'node:test';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { MailResolver } from '../../mta/routing/resolver.ts';
import { Dane } from '../../mta/transport-security/dane.ts';
import { daneProblem, type TlsaRecord, usable } from '../../mta/transport-security/tlsa.ts';
import { Authority } from './authority.ts';

const authority = new Authority();
const stranger = new Authority();
after(() => {
  authority.remove();
  stranger.remove();
});

const root = new X509Certificate(authority.pem);
const leaf = authority.issue(['mx.shop.example']).x509;
const other = authority.issue(['mx.shop.example']).x509;
const CHAIN = [leaf, root];
const NOW = new Date();

function record(usage: number, selector: number, matchingType: number, certificate: X509Certificate): TlsaRecord {
  const whole = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' });
  const hash = ['', 'sha256', 'sha512'][matchingType];
  return { usage, selector, matchingType, data: hash ? createHash(hash).update(whole).digest() : whole };
}

const problem = (records: readonly TlsaRecord[], chain = CHAIN, names = ['mx.shop.example'], at = NOW) =>
  daneProblem(records, chain, names, at);

describe('TLSA records', () => {
  for (const selector of [0, 1]) {
    for (const matchingType of [0, 1, 2]) {
      test(`3 ${selector} ${matchingType} matches the host's own certificate and no other`, () => {
        const records = [record(3, selector, matchingType, leaf)];
        assert.equal(usable(records).length, 1);
        assert.equal(problem(records), null);
        assert.match(problem(records, [other, root]) ?? '', /matches no TLSA record/);
      });

      test(`2 ${selector} ${matchingType} matches an authority of the chain`, () => {
        const records = [record(2, selector, matchingType, root)];
        assert.equal(usable(records).length, 1);
        assert.equal(problem(records), null);
        assert.equal(problem(records, [other, root]), null, 'any certificate it issued');
        assert.match(problem(records, [leaf]) ?? '', /no certificate of its chain/);
      });
    }
  }

  test('usage 3 heeds neither name nor date, usage 2 both', () => {
    const later = new Date(Date.now() + 400 * 86_400_000);
    const named = ['mx.other.example'];
    assert.equal(problem([record(3, 1, 1, leaf)], CHAIN, named, later), null);
    assert.match(problem([record(2, 1, 1, root)], CHAIN, named) ?? '', /not for mx\.other\.example/);
    assert.match(problem([record(2, 1, 1, root)], CHAIN, ['mx.shop.example'], later) ?? '', /expired/);
  });

  test('a chain is one only if each certificate issued the one before', () => {
    const foreign = new X509Certificate(stranger.pem);
    assert.match(problem([record(2, 0, 1, foreign)], [leaf, foreign]) ?? '', /no chain/);
    // A leaf that is put above another leaf is no authority, whatever it is called.
    assert.match(problem([record(2, 0, 1, leaf)], [other, leaf]) ?? '', /no chain/);
    assert.match(problem([record(3, 0, 1, leaf)], []) ?? '', /no certificate/);
  });

  test('one record that matches is enough: keys are rolled with two', () => {
    assert.equal(problem([record(3, 1, 1, other), record(3, 1, 1, leaf)]), null);
  });

  test('usages 0 and 1, unknown numbers and hashes of the wrong length are not usable', () => {
    const good = record(3, 1, 1, leaf);
    const bad = [
      { ...good, usage: 0 },
      { ...good, usage: 1 },
      { ...good, usage: 255 },
      { ...good, selector: 2 },
      { ...good, matchingType: 3 },
      { ...good, matchingType: 2 },
      { ...good, data: Buffer.alloc(0), matchingType: 0 },
    ];
    assert.deepEqual(usable([...bad, good]), [good]);
  });
});

describe('what DANE asks for', () => {
  async function serving(context: TestContext, trustAd = true) {
    const zone = new Zone();
    const dns = new DnsServer(zone);
    const port = await dns.start();
    context.after(() => dns.stop());
    const resolver = new MailResolver([`127.0.0.1:${port}`], undefined, { trustAd });
    const dane = new Dane({
      dns: resolver.dns,
      hostAddresses: (host) => resolver.hostAddresses(host),
      port: 25,
      clock: () => performance.now(),
    });
    zone.addMx('shop.example', 'mx.shop.example', 10);
    zone.addHost('mx.shop.example', '127.30.0.1');
    const tlsa = '_25._tcp.mx.shop.example';
    const publish = () => zone.addTlsa(tlsa, 3, 1, 1, record(3, 1, 1, leaf).data);
    const asked = async () => dane.of('mx.shop.example', (await resolver.route('shop.example')).authentic);
    return { zone, tlsa, publish, asked, dane };
  }

  test('is the records, where MX, addresses and records are all vouched for', async (context) => {
    const { zone, tlsa, publish, asked, dane } = await serving(context);
    publish();
    zone.sign('shop.example', 'mx.shop.example', tlsa);
    const found = await asked();
    assert.equal(found.state, 'usable');
    assert.equal(problem(found.records), null);
    assert.equal(dane.known('mx.shop.example', true), found, 'remembered');
    assert.equal(dane.known('mx.shop.example', false)?.state, 'none', 'for a domain whose MX is not vouched for');
  });

  for (const unsigned of ['shop.example', 'mx.shop.example', '_25._tcp.mx.shop.example']) {
    test(`is nothing where ${unsigned} is not vouched for`, async (context) => {
      const { zone, tlsa, publish, asked } = await serving(context);
      publish();
      zone.sign(...['shop.example', 'mx.shop.example', tlsa].filter((name) => name !== unsigned));
      assert.equal((await asked()).state, 'none');
    });
  }

  test('is nothing when the resolver is not to be trusted', async (context) => {
    const { zone, tlsa, publish, asked } = await serving(context, false);
    publish();
    zone.sign('shop.example', 'mx.shop.example', tlsa);
    assert.equal((await asked()).state, 'none');
  });

  test('is TLS with anybody when no record is usable', async (context) => {
    const { zone, tlsa, asked } = await serving(context);
    zone.addTlsa(tlsa, 1, 1, 1, record(3, 1, 1, leaf).data);
    zone.sign('shop.example', 'mx.shop.example', tlsa);
    assert.equal((await asked()).state, 'unusable');
  });

  test('is to leave the host alone when its records can not be had', async (context) => {
    const { zone, tlsa, asked } = await serving(context);
    zone.fail(tlsa);
    zone.sign('shop.example', 'mx.shop.example');
    assert.equal((await asked()).state, 'bogus');
  });

  test('does not touch the records of a host whose addresses nobody vouches for', async (context) => {
    const { zone, tlsa, asked } = await serving(context);
    zone.fail(tlsa);
    zone.sign('shop.example');
    assert.equal((await asked()).state, 'none');
  });

  test('is found behind an alias, under the name it leads to', async (context) => {
    const { zone, asked } = await serving(context);
    zone.remove('mx.shop.example');
    zone.addAlias('mx.shop.example', 'real.shop.example');
    zone.addHost('real.shop.example', '127.30.0.1');
    zone.addTlsa('_25._tcp.real.shop.example', 3, 1, 1, record(3, 1, 1, leaf).data);
    zone.sign('shop.example', 'mx.shop.example', 'real.shop.example', '_25._tcp.real.shop.example');
    const found = await asked();
    assert.deepEqual([found.state, found.base], ['usable', 'real.shop.example']);
  });
});
