import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { resolveConfig } from '../../cli/config/load.ts';
import { activateDkimKey } from '../../store/dkim.ts';
import { type DatabaseAlone, databaseAlone, smallConfig } from './command-line.ts';

describe('rampart dkim', () => {
  let alone: DatabaseAlone;
  before(async () => {
    alone = await databaseAlone();
  });
  after(() => alone.stop());

  test('add, list, dns, rotate, retire: a key from its record to its end', async () => {
    const added = await alone.run('dkim', 'add', 'shop.example', '--algorithm', 'both', '--json');
    assert.equal(added.code, 0, added.stderr);
    const { keys } = JSON.parse(added.stdout);
    assert.deepEqual(
      keys.map((key: { algorithm: string }) => key.algorithm),
      ['rsa-sha256', 'ed25519-sha256'],
    );
    const [rsa, ed] = keys.map((key: { selector: string }) => key.selector);
    const dns = await alone.run('dkim', 'dns', 'shop.example');
    assert.match(
      dns.stdout,
      new RegExp(`^${rsa}\\._domainkey\\.shop\\.example\\. 3600 IN TXT "v=DKIM1; k=rsa; p=[^"]+" "[^"]+"$`, 'm'),
    );
    assert.match(
      dns.stdout,
      new RegExp(`^${ed}\\._domainkey\\.shop\\.example\\. .* "v=DKIM1; k=ed25519; p=[^"]{44}"$`, 'm'),
    );
    assert.doesNotMatch(added.stdout + dns.stdout, /PRIVATE/);
    assert.match((await alone.run('dkim', 'list')).stdout, /waits for its record: not looked for yet/);

    const early = await alone.run('dkim', 'rotate', 'shop.example');
    assert.deepEqual([early.code, /waits for its record already/.test(early.stderr)], [2, true]);
    for (const selector of [rsa, ed]) await activateDkimKey(alone.store, 'shop.example', selector, 86_400_000);
    const rotated = await alone.run('dkim', 'rotate', 'shop.example');
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.match(rotated.stdout, new RegExp(`${rsa}-2\\._domainkey`));
    await activateDkimKey(alone.store, 'shop.example', `${rsa}-2`, 86_400_000);
    const list = (await alone.run('dkim', 'list', 'shop.example')).stdout;
    assert.match(list, new RegExp(`${rsa} .*retired: leave its record until`));
    assert.match(list, new RegExp(`${rsa}-2 .*signs`));

    assert.equal((await alone.run('dkim', 'retire', 'shop.example', `${rsa}-2`)).code, 0);
    const last = await alone.run('dkim', 'retire', 'shop.example', ed);
    assert.deepEqual([last.code, /is the only key/.test(last.stderr)], [2, true]);
    assert.equal((await alone.run('dkim', 'retire', 'shop.example', ed, '--force')).code, 0);
  });

  test('bad input is refused with what to do', async () => {
    for (const [args, says] of [
      [['add', 'no domain'], /is not a domain/],
      [['add', 'a.example', '--algorithm', 'dsa'], /choose rsa, ed25519 or both/],
      [['add', 'a.example', '--selector', 'UPPER'], /small letters/],
      [['add', 'a.example', '--algorithm', 'both', '--selector', 's'], /names one key/],
      [['rotate', 'none.example'], /dkim add none\.example/],
      [['dns', 'none.example'], /has no keys/],
      [['retire', 'none.example', 's'], /has no key s \(known: none\)/],
    ] as const) {
      const ran = await alone.run('dkim', ...args);
      assert.deepEqual([ran.code, says.test(ran.stderr)], [2, true], `${args.join(' ')}: ${ran.stderr}`);
    }
    assert.equal((await alone.run('dkim', 'add', 'b.example', '--selector', 's1')).code, 0);
    assert.match((await alone.run('dkim', 'add', 'b.example', '--selector', 's1')).stderr, /selectors are used once/);
  });
});

describe('delivery in the configuration', () => {
  const resolve = (change: object) =>
    resolveConfig({ ...smallConfig(), ...change }, '/x/rampart.config.ts', {}).mta.delivery;

  test('large providers need TLS unless the file says otherwise; STS and DANE are on', () => {
    const delivery = resolve({});
    assert.equal(delivery?.tls.default, 'opportunistic');
    assert.equal(delivery?.tls.providers.google, 'required');
    assert.deepEqual([delivery?.sts, delivery?.dane, delivery?.trustAd], [{}, true, undefined]);
    const changed = resolve({
      mta: { remoteTls: { providers: { google: 'verify' }, domains: { 'Bücher.example': 'none' }, mtaSts: false } },
    });
    assert.equal(changed?.tls.providers.google, 'verify');
    assert.equal(changed?.tls.providers.yahoo, 'required');
    assert.deepEqual(changed?.tls.domains, { 'xn--bcher-kva.example': 'none' });
    assert.equal(changed?.sts, false);
  });

  for (const [change, says] of [
    [{ mta: { remoteTls: { providers: { gogle: 'required' } } } }, /mta\.remoteTls\.providers\.gogle.*expected one of/],
    [{ mta: { remoteTls: { default: 'always' } } }, /mta\.remoteTls\.default/],
    [{ dkim: { alsoSign: { nowhere: 'esp.example' } } }, /dkim\.alsoSign\.nowhere.*expected one of marketing/],
    [{ dkim: { keys: [{ domain: 'a.example', selector: 's', file: 'gone.pem' }] } }, /dkim\.keys.*\/x\/gone\.pem/],
    [{ dkim: { sealKey: { env: 'NOT_SET' } } }, /NOT_SET is not set/],
  ] as const) {
    test(`refused: ${JSON.stringify(change)}`, () => assert.throws(() => resolve(change), says));
  }
});
