/** The preflight against a real name server, real listeners with real certificates, and real mailboxes. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { SMTPServer } from 'smtp-server';
import { type AddressParts, checkAddress } from '../../cli/preflight/address.ts';
import { openDns } from '../../cli/preflight/dns.ts';
import { checkDomains } from '../../cli/preflight/domain.ts';
import { checkListeners } from '../../cli/preflight/listeners.ts';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { newKeyPair, recordText } from '../../mta/signing/key-pair.ts';
import type { Check } from '../../policy/preflight/check.ts';
import { addDkimKey, type DkimKeyRow } from '../../store/dkim.ts';
import { upsertAddress } from '../../store/lanes.ts';
import { selfSigned } from '../events/certificate.ts';
import { type Dovecot, dovecotMissing, startDovecot } from '../seeds/dovecot.ts';
import { COLD, type DatabaseAlone, databaseAlone, rampart, smallConfig, WARM, writeConfig } from './command-line.ts';

const IP = '198.51.100.9';
const ZEN = { zone: 'zen.spamhaus.org', listed: 'fail' } as const;

let alone: DatabaseAlone;
let server: DnsServer;
let resolver: string;
const zone = new Zone();

before(async () => {
  alone = await databaseAlone();
  server = new DnsServer(zone);
  resolver = `127.0.0.1:${await server.start()}`;
});
after(async () => {
  await server.stop();
  await alone.stop();
});

const told = (check: Check | undefined) => `${check?.verdict}: ${check?.says}`;
const named = (checks: readonly Check[], name: string) => checks.filter((check) => check.name === name);

describe('an address', () => {
  const parts = (over: Partial<AddressParts> = {}): AddressParts => ({
    db: alone.store,
    dns: openDns([resolver]),
    node: 'local',
    returnPaths: ['example.com'],
    dnsbls: [ZEN],
    now: Date.now(),
    ...over,
  });
  const look = async (name: string, over: Partial<AddressParts> = {}, looked: object = {}) =>
    named(
      await checkAddress({ address: IP, node: 'local', ehloName: 'mta-2.example.com', ...looked }, parts(over)),
      name,
    );

  test('is bound for real: one of loopback can be, one of somebody else can not', async () => {
    assert.match(told((await look('bind'))[0]), /^fail: can not be bound \(EADDRNOTAVAIL\)/);
    assert.match(told((await look('bind', {}, { address: COLD }))[0]), /^pass/);
  });

  test('of another node is believed for a day when that node has bound it', async () => {
    const elsewhere = { address: WARM, node: 'mta-b' };
    assert.match((await look('bind', {}, elsewhere))[0]?.todo ?? '', /warmup preflight 127\.10\.0\.10 there first/);
    await alone.store.query(
      `insert into preflights (address, node, actor, checks, at) values ($1, 'mta-b', 'ada', $2, now() - interval '3 hours')`,
      [WARM, JSON.stringify([{ name: 'bind', verdict: 'pass', about: WARM, says: '' }])],
    );
    assert.equal(told((await look('bind', {}, elsewhere))[0]), 'pass: node mta-b could send from it 3 h ago');
    assert.match(told((await look('bind', { now: Date.now() + 86_400_000 }, elsewhere))[0]), /^fail/);
  });

  test('has names that lead to it and back', async () => {
    assert.match(told((await look('ptr'))[0]), /^fail: it has no PTR record/);
    zone.addHost('mta-2.example.com', IP);
    assert.deepEqual([...(await look('ptr')), ...(await look('ehlo'))].map(told), [
      'pass: mta-2.example.com and back',
      'pass: mta-2.example.com leads to it',
    ]);
  });

  test('SPF: ip4, a, mx, include, redirect and exists are followed; softfail, loops and more than ten lookups fail', async () => {
    zone.addMx('spf-mx.example', 'mta-2.example.com', 10);
    const records: readonly [string, string, RegExp][] = [
      ['spf-ip4.example', 'v=spf1 ip4:198.51.100.8/29 -all', /^pass/],
      ['spf-a.example', 'v=spf1 a:mta-2.example.com -all', /^pass/],
      ['spf-mx.example', 'v=spf1 mx -all', /^pass/],
      ['spf-include.example', 'v=spf1 include:spf-ip4.example ~all', /^pass/],
      ['spf-redirect.example', 'v=spf1 redirect=spf-include.example', /^pass/],
      ['spf-exists.example', 'v=spf1 exists:%{i}.allowed.example -all', /^pass/],
      ['spf-other.example', 'v=spf1 ip4:192.0.2.0/24 ~all', /^fail: softfail/],
      ['spf-loop.example', 'v=spf1 include:spf-loop.example -all', /^fail: the SPF record can not be evaluated/],
      [
        'spf-many.example',
        `v=spf1 ${Array.from({ length: 11 }, () => 'a:mta-3.example.com').join(' ')} ip4:${IP} -all`,
        /^fail: the SPF record can not be evaluated/,
      ],
      ['spf-open.example', 'v=spf1 +all', /^warn: .*lets everybody send/],
    ];
    zone.addAddress(`${IP}.allowed.example`, '127.0.0.2');
    zone.addAddress('mta-3.example.com', '192.0.2.3');
    for (const [domain, record] of records) zone.addText(domain, record);
    for (const [domain, record, expected] of records)
      assert.match(told((await look('spf', { returnPaths: [domain] }))[0]), expected, `${domain} ${record}`);
    assert.match(told((await look('spf', { returnPaths: ['spf-nothing.example'] }))[0]), /^fail: .* has no SPF record/);
  });

  test('is looked for in DNS lists, whose test entries must be as RFC 5782 says', async () => {
    assert.match(told((await look('dnsbl'))[0]), /^warn: the list does not work: its test entry/);
    zone.addAddress('2.0.0.127.zen.spamhaus.org', '127.0.0.2');
    assert.equal(told((await look('dnsbl'))[0]), 'pass: not listed');
    zone.addAddress('9.100.51.198.zen.spamhaus.org', '127.0.0.4');
    assert.equal(told((await look('dnsbl'))[0]), 'fail: listed (127.0.0.4, XBL)');
    zone.addAddress('9.100.51.198.refused.spamhaus.org', '127.255.255.254');
    zone.addAddress('2.0.0.127.refused.spamhaus.org', '127.255.255.254');
    const refused = await look('dnsbl', { dnsbls: [{ zone: 'refused.spamhaus.org', listed: 'fail' }] });
    assert.match(told(refused[0]), /^warn: your resolver is refused \(127\.255\.255\.254/);
    assert.match(told((await look('dnsbl', {}, { address: COLD }))[0]), /^pass: no public address/);
  });

  test('DNS that is dead fails what nobody knows, and calls nobody listed', async () => {
    // Port 9 of loopback: nothing answers there.
    const checks = await checkAddress(
      { address: IP, node: 'local', ehloName: 'mta-2.example.com' },
      parts({ dns: openDns(['127.0.0.1:9']) }),
    );
    const verdicts = Object.fromEntries(checks.map((check) => [check.name, told(check)]));
    assert.match(verdicts.ptr ?? '', /^fail: DNS did not answer/);
    assert.match(verdicts.spf ?? '', /^fail: DNS did not answer/);
    assert.match(verdicts.dnsbl ?? '', /^warn: the list did not answer/);
  });
});

describe('a domain', () => {
  test('has the key in DNS that signs, and a DMARC record that its mail aligns with', async () => {
    const pair = newKeyPair('ed25519-sha256');
    const key: DkimKeyRow = {
      ...{ domain: 'shop.example', selector: 's1', algorithm: 'ed25519-sha256' as const, publicKey: pair.publicKey },
      ...{ state: 'active' as const, createdAt: new Date(), checkedAt: null, checkResult: null, activatedAt: null },
      ...{ retiredAt: null, keepUntil: null, inFile: true },
    };
    const look = async (over: object = {}) =>
      (await checkDomains(['shop.example'], { dns: openDns([resolver]), keys: [key], ...over })).map(told);
    assert.deepEqual(await look(), [
      'fail: key s1 signs, and there is no TXT record yet',
      'fail: it has no DMARC record',
    ]);
    zone.addText('s1._domainkey.shop.example', recordText('ed25519-sha256', pair.publicKey));
    zone.addText('_dmarc.shop.example', 'v=DMARC1; p=quarantine; adkim=s');
    assert.deepEqual(await look(), ['pass: s1 in DNS as it signs', 'pass: p=quarantine, aligned by DKIM and SPF']);
    assert.deepEqual(await look({ bounceDomain: 'bounce.other.example' }), [
      'pass: s1 in DNS as it signs',
      'pass: p=quarantine, aligned by DKIM',
    ]);
    const unsigned = await look({ keys: [], bounceDomain: 'bounce.shop.example' });
    assert.deepEqual(unsigned, ['fail: it has no key', 'pass: p=quarantine, aligned by SPF']);
    const foreign = await look({ keys: [], bounceDomain: 'bounce.other.example', alsoSign: 'other.example' });
    assert.match(foreign[1] ?? '', /^fail: p=quarantine, and neither/);
    const other = await look({ keys: [{ ...key, publicKey: newKeyPair('ed25519-sha256').publicKey }] });
    assert.equal(other[0], 'fail: key s1 signs, and the record has another public key');
  });

  test('without a known one the report says which option names it', async () => {
    const checks = await checkDomains([], { dns: openDns([resolver]), keys: [] });
    assert.deepEqual(
      checks.map(({ name, verdict }) => `${name} ${verdict}`),
      ['dkim warn', 'dmarc warn'],
    );
  });
});

describe('listeners', () => {
  test('show the certificate of their file, by STARTTLS and from the first byte', async (context) => {
    const [mine, others] = [path.join(alone.folder, 'mine'), path.join(alone.folder, 'others')];
    for (const folder of [mine, others]) await mkdir(folder);
    const [own, other] = [selfSigned(mine), selfSigned(others)];
    const smtp = new SMTPServer({ key: own.key, cert: own.cert, disabledCommands: ['AUTH'], logger: false });
    smtp.on('error', () => {});
    const plain = tls.createServer({ key: own.key, cert: own.cert });
    plain.on('tlsClientError', () => {});
    await Promise.all([
      new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve)),
      new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve)),
    ]);
    context.after(() =>
      Promise.all([new Promise<void>((done) => smtp.close(done)), new Promise((done) => plain.close(done))]),
    );
    const [first, second] = [smtp.server.address(), plain.address()].map((at) => (at as AddressInfo).port);
    const host = '127.0.0.1';
    const of = (files: { cert: string; key: string }, hostname = 'localhost') =>
      ({
        hostname,
        submission: { host, port: first, tls: files, users: [], maxBytes: 1 },
        injection: { listeners: [{ role: 'submission', host, port: second, tls: { ...files, implicit: true } }] },
      }) as never;
    const look = async (mta: never, now = Date.now()) => (await checkListeners({ mta }, now)).map(told);
    const files = { cert: own.certFile, key: own.keyFile };
    // Two days are soon over: that is what is said, and nothing worse.
    for (const says of await look(of(files))) assert.match(says, /^warn: its certificate ends on/);
    for (const says of await look(of({ cert: other.certFile, key: other.keyFile })))
      assert.match(says, /^warn: it serves another/);
    for (const says of await look(of(files, 'mta.example.com')))
      assert.match(says, /^warn: its certificate is not for/);
    for (const says of await look(of({ cert: own.certFile, key: other.keyFile })))
      assert.match(says, /^fail: its certificate can not be used/);
    for (const says of await look(of(files), Date.now() + 10 * 86_400_000))
      assert.match(says, /^fail: its certificate ended/);
  });
});

describe('the command', async () => {
  const missing = await dovecotMissing();
  let dovecot: Dovecot | undefined;
  before(async () => {
    if (missing === undefined) dovecot = await startDovecot(['seed-1']);
    zone.addHost('mta-2.example.com', COLD);
    await upsertAddress(
      alone.store,
      { address: COLD, pool: 'marketing', node: 'local', ehloName: 'mta-2.example.com' },
      [],
    );
    const pair = newKeyPair('rsa-sha256');
    const key = { domain: 'news.example', selector: 'a', algorithm: 'rsa-sha256', publicKey: pair.publicKey } as const;
    await addDkimKey(alone.store, { ...key, privateKey: null });
    zone.addText('a._domainkey.news.example', recordText('rsa-sha256', pair.publicKey));
    zone.addText('news.example', `v=spf1 ip4:${COLD} -all`);
    zone.addText('_dmarc.news.example', 'v=DMARC1; p=none');
  });
  after(() => dovecot?.stop());

  const MAIL = [
    'From: News <news@news.example>',
    'To: reader@example.net',
    'Subject: hello',
    'List-Unsubscribe: <https://news.example/u?1>',
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    '',
    'Hello.',
    '',
  ].join('\n');

  async function preflight(over: object, ...args: string[]) {
    const seeds =
      dovecot === undefined
        ? []
        : ['seed', 'wrong'].map((password) => ({
            ...{ provider: 'google', address: `${password}@seeds.example`, host: '127.0.0.1', port: dovecot?.port },
            ...{ secure: false, user: 'seed-1', password },
          }));
    const written = { ...smallConfig(), mta: { resolvers: [resolver] }, seeds, ...over };
    const config = await writeConfig(alone.folder, written, `preflight-${Math.random()}.config.ts`);
    return rampart(['warmup', 'preflight', ...args], { RAMPART_CONFIG: config });
  }

  test('looks at all of it, keeps what it found, and says it as JSON', async () => {
    const sample = path.join(alone.folder, 'news.eml');
    await writeFile(sample, MAIL);
    const ran = await preflight({}, COLD, '--sample', sample, '--json');
    assert.equal(ran.code, 0, ran.stderr);
    const { ok, addresses } = JSON.parse(ran.stdout);
    assert.equal(ok, true);
    const verdicts = addresses[0].checks.map((check: Check) => `${check.name} ${check.verdict}`);
    const seeds = missing === undefined ? ['seeds pass', 'seeds warn'] : ['seeds warn'];
    assert.deepEqual(verdicts, [
      ...['bind pass', 'ptr pass', 'ehlo pass', 'spf pass', 'dkim warn', 'dmarc pass', 'dnsbl pass', 'tls pass'],
      ...seeds,
      'one-click pass',
    ]);
    const { rows } = await alone.store.query('select node, checks from preflights where id = $1', [
      addresses[0].preflight,
    ]);
    assert.deepEqual(rows, [{ node: 'local', checks: addresses[0].checks }]);
  });

  test('of a node that is not this one, and of mail nobody can unsubscribe from', async () => {
    const sample = path.join(alone.folder, 'stuck.eml');
    await writeFile(sample, MAIL.replace(/^List-Unsubscribe-Post.*\n/m, ''));
    await alone.store.query('delete from preflights');
    const ran = await preflight({ node: 'elsewhere' }, COLD, '--sample', sample);
    assert.equal(ran.code, 1);
    assert.match(ran.stdout, /fail {2}bind of 127\.10\.0\.11: it belongs to node local, and this is elsewhere/);
    assert.match(ran.stdout, /warn {2}one-click of .*it has no list-unsubscribe-post .*no public address/);
    assert.match(ran.stdout, /^not ready: 1 of 1/m);
    const skipped = await preflight({ node: 'elsewhere' }, COLD, '--skip-check', 'bind', '--reason', 'moved tomorrow');
    assert.equal(skipped.code, 0, skipped.stdout);
    assert.match(skipped.stdout, /skip {2}bind of .* \(skipped: moved tomorrow\)/);
  });

  for (const [args, expected] of [
    [['--skip-check', 'bind'], /--skip-check wants a --reason/],
    [['--skip-check', 'spam', '--reason', 'r'], /--skip-check names "spam": choose among bind, ptr/],
    [['--sample', '/nowhere.eml'], /--sample \/nowhere\.eml can not be read \(ENOENT\)/],
    [['--domain', 'example'], /--domain has "example"/],
    [['--pool', 'marketin'], /no pool is called "marketin": did you mean marketing\?/],
  ] as const) {
    test(`${args.join(' ')} is bad input`, async () => {
      const ran = await preflight({}, COLD, ...args);
      assert.equal(ran.code, 2);
      assert.match(ran.stderr, expected);
    });
  }
});
