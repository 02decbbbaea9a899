import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import type { DeliverySettings } from '../../mta/delivery-settings.ts';
import { MailResolver } from '../../mta/routing/resolver.ts';
import { newKeyPair, recordName, recordText } from '../../mta/signing/key-pair.ts';
import { KeyRing } from '../../mta/signing/key-ring.ts';
import { lookForPublished } from '../../mta/signing/publication.ts';
import { seal } from '../../mta/signing/seal.ts';
import { activateDkimKey, addDkimKey, dkimKeys } from '../../store/dkim.ts';
import { startDatabases } from './databases.ts';
import { MailWorld, until } from './mail-world.ts';
import { startSink, type Taken } from './sinks.ts';

const databases = await startDatabases();
after(() => databases.stop());

const WARM = '127.31.1.1';
const MX = '127.30.0.1';
const DAY = 86_400_000;

function delivery(dkim: Partial<DeliverySettings['dkim']> = {}): DeliverySettings {
  const tls = { default: 'opportunistic', providers: {}, domains: {} } as const;
  return { tls, sts: false, dane: false, dkim: { files: [], alsoSign: {}, ...dkim } };
}

/** A key in the store, and its record in DNS unless it is not to be found. */
async function addKey(
  world: MailWorld,
  domain: string,
  selector: string,
  options: { algorithm?: 'rsa-sha256' | 'ed25519-sha256'; published?: boolean; secret?: string } = {},
) {
  const { algorithm = 'rsa-sha256', published = true, secret } = options;
  const pair = newKeyPair(algorithm);
  const name = recordName(domain, selector);
  const privateKey = secret === undefined ? pair.privatePem : seal(pair.privatePem, name, secret);
  await addDkimKey(world.store, { domain, selector, algorithm, publicKey: pair.publicKey, privateKey });
  const publish = () => world.zone.addText(name, recordText(algorithm, pair.publicKey));
  if (published) publish();
  return { publish, pair };
}

/** Signatures a receiver finds, by `selector domain`, checked against the world's own DNS. */
async function verified(world: MailWorld, taken: Taken): Promise<Record<string, string>> {
  const dns = new MailResolver([`127.0.0.1:${world.dnsPort}`]);
  const resolver = async (name: string) => (await dns.texts(name)).texts.map((text) => [text]);
  const { results } = await dkimVerify(Buffer.from(taken.raw, 'latin1'), { resolver: resolver as never });
  return Object.fromEntries(
    results.filter((one) => one.selector).map((one) => [`${one.selector} ${one.signingDomain}`, one.status.result]),
  );
}

function looker(world: MailWorld) {
  const dns = new MailResolver([`127.0.0.1:${world.dnsPort}`]);
  const texts = async (name: string) => (await dns.texts(name)).texts;
  return () => lookForPublished({ store: world.store, texts, log: () => {} });
}

describe('signed mail', { concurrency: 2 }, () => {
  test('goes out with the author domain and the pool domain, RSA and Ed25519, good for every recipient, dots and all', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    await world.lane(WARM, 'other', 'warm');
    await addKey(world, 'shop.example', 'r1', { secret: 'the secret' });
    await addKey(world, 'shop.example', 'e1', { algorithm: 'ed25519-sha256' });
    await addKey(world, 'esp.example', 'r1');
    const keys = [
      ['shop.example', 'r1'],
      ['shop.example', 'e1'],
      ['esp.example', 'r1'],
    ] as const;
    for (const [domain, selector] of keys) {
      assert.ok(await activateDkimKey(world.store, domain, selector, DAY));
    }
    const raw = Buffer.from(
      'Message-ID: <m@shop.example>\r\nFrom: <news@shop.example>\r\nSubject: hello\r\n\r\n.\r\n..two\r\n.. \r\nend\r\n',
    );
    const recipients = ['a', 'b', 'c'].map((name) => ({
      rcpt: `${name}@provider.example`,
      domain: 'provider.example',
      provider: null,
    }));
    await world.mail(1, { raw, recipients });
    await world.mta('mta-1', { delivery: delivery({ alsoSign: { marketing: 'esp.example' }, sealKey: 'the secret' }) });
    await until('all are delivered', () => sink.taken.length === 3);
    const traces = new Set<string>();
    for (const taken of sink.taken) {
      assert.deepEqual(await verified(world, taken), {
        'r1 shop.example': 'pass',
        'e1 shop.example': 'pass',
        'r1 esp.example': 'pass',
      });
      traces.add(/^X-Rampart-Trace: (\S+)/im.exec(taken.raw)?.[1] ?? '');
    }
    assert.equal(traces.size, 3, 'each recipient has a trace of its own');
    assert.equal(new Set(sink.taken.map((taken) => /b=([^;]+?)\r\n\S/s.exec(taken.raw)?.[1])).size, 1, 'signed once');
  });

  test('waits, and says why, when the key of its domain can not be opened here', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    await world.lane(WARM, 'other', 'warm');
    await addKey(world, 'shop.example', 'r1', { secret: 'the secret' });
    await activateDkimKey(world.store, 'shop.example', 'r1', DAY);
    await world.mail(2);
    await world.mta('mta-1', { delivery: delivery({ sealKey: 'another' }) });
    await until('it says why', async () =>
      (await world.queue()).every((one) => /r1\._domainkey\.shop\.example: it does not open/.test(one.reason ?? '')),
    );
    assert.equal(sink.taken.length, 0);
    assert.deepEqual(await world.attempts(), []);
  });

  test('a process takes a new key into use while it runs', async (context) => {
    const world = await MailWorld.start(context, databases);
    const sink = await startSink(MX, world.smtpPort);
    context.after(() => sink.stop());
    world.domain('provider.example', [['mx.provider.example', MX]]);
    await world.lane(WARM, 'other', 'warm');
    await world.mta('mta-1', { delivery: delivery() });
    await world.mail(1);
    await until('it is delivered', () => sink.taken.length === 1);
    assert.deepEqual(await verified(world, sink.taken[0] as Taken), {});
    await addKey(world, 'shop.example', 'r1');
    // The process finds the record by itself, and from then on signs.
    await until('the key signs', async () => (await dkimKeys(world.store))[0]?.state === 'active', 40_000);
    await until(
      'mail is signed',
      async () => {
        const before = sink.taken.length;
        await world.mail(1);
        await until('one more is delivered', () => sink.taken.length > before);
        return (await verified(world, sink.taken.at(-1) as Taken))['r1 shop.example'] === 'pass';
      },
      15_000,
    );
  });
});

test('a key is used only after its record was seen, and rotation leaves no moment without a published key', async (context) => {
  const world = await MailWorld.start(context, databases);
  const look = looker(world);
  const ring = new KeyRing({ db: world.store, files: [], sealKey: undefined, log: () => {} });
  const signers = async () => {
    await ring.refresh();
    return ring.of('shop.example').keys.map((key) => key.selector);
  };
  const first = await addKey(world, 'shop.example', 'r1', { published: false });
  assert.equal(await look(), 0);
  assert.deepEqual(await signers(), []);
  assert.match((await dkimKeys(world.store))[0]?.checkResult ?? '', /no TXT record/);
  first.publish();
  assert.equal(await look(), 1);
  assert.deepEqual(await signers(), ['r1']);

  const second = await addKey(world, 'shop.example', 'r2', { published: false });
  await look();
  assert.deepEqual(await signers(), ['r1'], 'the old key signs while nobody can find the new one');
  world.zone.addText(recordName('shop.example', 'r2'), recordText('rsa-sha256', first.pair.publicKey));
  await look();
  assert.match(
    (await dkimKeys(world.store)).find((key) => key.selector === 'r2')?.checkResult ?? '',
    /another public key/,
  );
  world.zone.remove(recordName('shop.example', 'r2'));
  second.publish();
  // Two processes look at once: one of them puts it to use.
  assert.equal(
    (await Promise.all([look(), look()])).reduce((sum, n) => sum + n),
    1,
  );
  assert.deepEqual(await signers(), ['r2']);
  const old = (await dkimKeys(world.store)).find((key) => key.selector === 'r1');
  assert.equal(old?.state, 'retired');
  assert.ok((old?.keepUntil?.getTime() ?? 0) > Date.now() + 6 * DAY, 'its record has to stay');
});

test('a key in a file waits for its record like any other, and another key under its name is refused', async (context) => {
  const world = await MailWorld.start(context, databases);
  const pair = newKeyPair('ed25519-sha256');
  const file = path.join(databases.folder, 'shop.pem');
  await writeFile(file, pair.privatePem);
  const ringOf = (pem: string) =>
    new KeyRing({
      db: world.store,
      files: [{ domain: 'shop.example', selector: 'file', pem }],
      sealKey: undefined,
      log: () => {},
    });
  const ring = ringOf(pair.privatePem);
  await ring.enlist();
  await ring.refresh();
  assert.equal(ring.empty, true);
  world.zone.addText(recordName('shop.example', 'file'), recordText(pair.algorithm, pair.publicKey));
  await looker(world)();
  await ring.refresh();
  assert.deepEqual(
    ring.of('shop.example').keys.map((key) => [key.selector, key.algorithm]),
    [['file', 'ed25519-sha256']],
  );
  await ringOf(pair.privatePem).enlist();
  await assert.rejects(ringOf(newKeyPair('ed25519-sha256').privatePem).enlist(), /use a new selector/);
  const elsewhere = new KeyRing({ db: world.store, files: [], sealKey: undefined, log: () => {} });
  await elsewhere.refresh();
  assert.match(elsewhere.of('shop.example').problem ?? '', /in a file that this node does not name/);
});
