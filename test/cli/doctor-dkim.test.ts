import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DnsServer } from '../../lab/dns-server.ts';
import { Zone } from '../../lab/dns-zone.ts';
import { recordName, recordText } from '../../mta/signing/key-pair.ts';
import { activateDkimKey, addDkimKey, type DkimKeyRow, dkimKeys, retireDkimKey } from '../../store/dkim.ts';
import { type DatabaseAlone, databaseAlone, rampart, smallConfig, writeConfig } from './command-line.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly says: string;
  readonly todo?: string;
}

describe('rampart doctor, of DKIM', () => {
  let alone: DatabaseAlone;
  let config: string;
  const zone = new Zone();
  const dns = new DnsServer(zone);
  const pem = () => generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  before(async () => {
    alone = await databaseAlone();
    const resolvers = [`127.0.0.1:${await dns.start()}`];
    await writeFile(path.join(alone.folder, 'file.pem'), pem(), { mode: 0o600 });
    const keys = [{ domain: 'file.example', selector: 's', file: 'file.pem' }];
    config = await writeConfig(alone.folder, { ...smallConfig(), mta: { resolvers }, dkim: { keys } }, 'dns.config.ts');
  });
  after(() => Promise.all([dns.stop(), alone.stop()]));

  const publish = ({ domain, selector, algorithm, publicKey }: DkimKeyRow) =>
    zone.addText(recordName(domain, selector), recordText(algorithm, publicKey));
  const add = async (domain: string, ...more: string[]) => {
    const ran = await rampart(['dkim', 'add', domain, ...more], { RAMPART_CONFIG: config });
    assert.equal(ran.code, 0, ran.stderr);
    return (await dkimKeys(alone.store, domain)).at(-1) as DkimKeyRow;
  };
  const look = async () => {
    const ran = await rampart(['doctor', '--json'], { RAMPART_CONFIG: config });
    const checks = (JSON.parse(ran.stdout).checks as Check[]).filter((one) => one.name.startsWith('dkim '));
    for (const one of checks) assert.equal(one.todo === undefined, one.ok, one.name);
    return (domain: string) => checks.filter((one) => one.name.endsWith(`.${domain}`));
  };

  test('each key is told by what DNS has of it and what signs', async () => {
    const good = await add('good.example');
    publish(good);
    const gone = await add('gone.example');
    const other = await add('other.example');
    publish({ ...good, domain: 'other.example', selector: other.selector });
    const swapped = await add('swapped.example');
    publish(swapped);
    for (const { domain, selector } of [good, gone, other, swapped])
      await activateDkimKey(alone.store, domain, selector, 60_000);
    await alone.store.query('update dkim_keys set private_key = $2 where domain = $1', ['swapped.example', pem()]);
    await add('waits.example');
    const next = await add('good.example', '--selector', 'next');
    const early = await add('early.example');
    await activateDkimKey(alone.store, 'early.example', early.selector, 60_000);
    await retireDkimKey(alone.store, 'early.example', early.selector, 7 * 86_400_000);

    const of = await look();
    const [first, second] = of('good.example');
    assert.deepEqual([first?.ok, first?.says], [true, 'signs, and DNS has the public half of its private key']);
    assert.equal(second?.name, `dkim ${next.selector}._domainkey.good.example`);
    assert.match(second?.says ?? '', /^waits for its record: there is no TXT record yet$/);
    const says = (domain: string) => of(domain).map((one) => [one.ok, `${one.says}; ${one.todo}`]);
    assert.deepEqual(says('gone.example'), [
      [
        false,
        'signs, and there is no TXT record yet: receivers find its signatures broken; publish what ./rampart dkim dns gone.example prints',
      ],
    ]);
    assert.match(String(says('other.example')), /^false,signs, and the record has another public key/);
    assert.match(String(says('swapped.example')), /^false,its private key was replaced by another one; name the key/);
    assert.match(String(says('waits.example')), /^false,there is no TXT record yet, and nothing else signs/);
    assert.match(String(says('early.example')), /^false,retired, and there is no TXT record yet; .* until \d{4}-/);
    assert.match(String(says('file.example')), /^false,no MTA has read its file yet/);
  });

  test('a key in a file is compared with the file as it is now; one that can not be opened says why', async () => {
    await addDkimKey(alone.store, {
      ...{ domain: 'file.example', selector: 's', algorithm: 'ed25519-sha256' },
      ...{ publicKey: 'b2xk', privateKey: null },
    });
    await addDkimKey(alone.store, {
      ...{ domain: 'lost.example', selector: 's', algorithm: 'ed25519-sha256' },
      ...{ publicKey: 'b2xk', privateKey: null },
    });
    const of = await look();
    assert.match(of('file.example')[0]?.says ?? '', /^its private key was replaced by another one$/);
    assert.match(of('lost.example')[0]?.says ?? '', /^its private key: is in a file that this configuration does not/);
  });

  test('servers that do not answer are not taken for a missing record', async () => {
    await dns.stop();
    const of = await look();
    assert.match(of('good.example')[0]?.says ?? '', /^signs, and DNS did not answer: /);
  });
});
