/** Sensors that fail, over the real protocols: IMAP that can not be looked into, reports that come late, a list that refuses. */
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import path from 'node:path';
import test from 'node:test';
import { ImapFlow } from 'imapflow';
import type { EventLine } from '../../lab/records.ts';
import type { SeedAccount, World } from '../../lab/world.ts';
import { mailHost } from './mail-host.ts';
import { linesOf, provider, scenario, senderFrom, worldFor } from './support.ts';

const ZONE = 'bl.lab.example';

/** Null: the seed's inbox could be opened; else why not. */
async function look({ host, port, user, password }: SeedAccount): Promise<string | null> {
  const timeouts = { connectionTimeout: 700, greetingTimeout: 700, socketTimeout: 2_000 };
  const client = new ImapFlow({
    host,
    port,
    secure: false,
    auth: { user, pass: password },
    logger: false,
    ...timeouts,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const lock = await client.getMailboxLock('INBOX', { readOnly: true });
    lock.release();
    return null;
  } catch (error) {
    const { responseText, code, message } = error as Error & { responseText?: string; code?: string };
    return responseText ?? code ?? message;
  } finally {
    client.close();
  }
}

const begin = (world: World, event: Record<string, unknown>) => {
  return fetch(`${world.facts.control}/event`, { method: 'POST', body: JSON.stringify(event) });
};

test('a seed outage shuts one provider’s mailboxes, each in its way, and leaves the others’ open', async (t) => {
  const keys = ['one', 'two', 'three', 'four'];
  const spec = scenario(keys.map((key) => provider(key, { seeds: 1 })));
  const { world } = await worldFor(t, { scenario: spec });
  const seed = (key: string) => world.facts.seeds.find((one) => one.provider === key) as SeedAccount;
  for (const key of keys) assert.equal(await look(seed(key)), null, key);
  for (const [key, how] of [
    ['one', 'unreachable'],
    ['two', 'login-refused'],
    ['three', 'silent'],
  ]) {
    const answer = await begin(world, { type: 'seed-outage', provider: key, days: 1, how });
    assert.equal(answer.status, 200, await answer.text());
  }
  assert.notEqual(await look(seed('one')), null);
  assert.match((await look(seed('two'))) ?? '', /Authentication failed/);
  assert.notEqual(await look(seed('three')), null);
  assert.equal(await look(seed('four')), null);
  // Mail goes on arriving: what could not be seen is there afterwards.
  assert.match(await senderFrom(t, world, '127.10.0.21', 0).send(seed('one').address), /^250/);
});

test('a seed outage ends, and what arrived meanwhile is there', async (t) => {
  const event = { type: 'seed-outage', provider: 'isp', fromDay: 0, days: 1, how: 'unreachable' };
  let now = 1_900_000_000_000;
  const spec = scenario([provider('isp', { seeds: 1 })], { events: [event] });
  const { world } = await worldFor(t, { scenario: spec, now: () => now, epoch: now });
  const [seed] = world.facts.seeds;
  assert.ok(seed);
  assert.notEqual(await look(seed), null);
  now += 1.1 * 86_400_000;
  assert.equal(await look(seed), null);
});

/** Three complaints at a provider that sends no reports until the test ends the gap. */
async function gap(t: test.TestContext, afterwards: 'all-at-once' | 'lost') {
  const host = await mailHost(t);
  const complaintsTo = { host: '127.0.0.1', port: host.port, rcpt: 'fbl@feedback.example' };
  const gone = { type: 'feed-gap', provider: 'isp', fromDay: 0, days: 1_000, afterwards };
  const readers = { complaintDelay: { fromHours: 1, untilHours: 1 } };
  const spec = scenario([provider('isp', { fbl: true })], { events: [gone], readers }, { complaintRate: 1 });
  // Real time, until the test leaps over the end of the gap.
  let ahead = 0;
  const now = () => Date.now() + ahead;
  const options = { scenario: spec, complaintsTo, dayLength: 2_400, now, epoch: Date.now() };
  const { world, directory } = await worldFor(t, options);
  const sender = senderFrom(t, world, '127.10.0.21');
  for (const n of [1, 2, 3]) assert.match(await sender.send(`reader-${n}@isp.example`), /^250/);
  const complaints = async () => {
    await world.flush();
    const lines = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
    return lines.filter((line) => line.kind === 'complaint');
  };
  while ((await complaints()).length < 3) await new Promise((resolve) => setTimeout(resolve, 25));
  return { host, complaints: await complaints(), end: () => (ahead += 1_001 * 2_400) };
}

test('in a feed gap no report goes out; afterwards they come all at once', async (t) => {
  const { host, complaints, end } = await gap(t, 'all-at-once');
  assert.equal(host.taken.length, 0);
  assert.ok(complaints.every((line) => line.kind === 'complaint' && line.reported));
  end();
  for (let n = 0; n < 3; n++) assert.match((await host.next()).text, /Feedback-Type: abuse/);
});

test('or they are lost, and the record says that none went out', async (t) => {
  const { host, complaints } = await gap(t, 'lost');
  assert.ok(complaints.every((line) => line.kind === 'complaint' && !line.reported));
  assert.equal(host.taken.length, 0);
});

test('a blocklist answers as RFC 5782 has it, and a refusal is not a listing', async (t) => {
  const listing = { type: 'listing', blocklist: ZONE, network: '192.0.2.0/24', days: 1 };
  const spec = scenario([provider('isp')], { blocklists: [{ zone: ZONE, code: '127.0.0.9' }] });
  const { world } = await worldFor(t, { scenario: spec });
  const resolver = new Resolver();
  resolver.setServers([world.facts.dns]);
  const ask = (ip: string) => resolver.resolve4(`${ip.split('.').reverse().join('.')}.${ZONE}`).catch((e) => e.code);
  assert.deepEqual(await ask('127.0.0.2'), ['127.0.0.9'], 'the test entry is always listed');
  assert.equal(await ask('127.0.0.1'), 'ENOTFOUND', 'and this one never');
  assert.equal(await ask('192.0.2.77'), 'ENOTFOUND');
  assert.equal(await resolver.resolve4(ZONE).catch((e) => e.code), 'ENODATA');
  assert.equal(await resolver.resolve4(`www.${ZONE}`).catch((e) => e.code), 'ENOTFOUND');

  assert.equal((await begin(world, listing)).status, 200);
  assert.deepEqual(await ask('192.0.2.77'), ['127.0.0.9']);
  assert.match((await resolver.resolveTxt(`77.2.0.192.${ZONE}`)).flat().join(''), /192\.0\.2\.77$/);
  assert.equal(await ask('192.0.3.77'), 'ENOTFOUND');

  assert.equal((await begin(world, { type: 'blocklist-refusal', blocklist: ZONE, days: 1 })).status, 200);
  assert.deepEqual(await ask('192.0.3.77'), ['127.255.255.254']);
  assert.equal(
    (await begin(world, { type: 'listing', blocklist: 'other.example', network: '1.2.3.4', days: 1 })).status,
    400,
  );
});

test('a listing and its end are in the record, by event and by the list’s own rule', async (t) => {
  const spec = scenario([provider('isp', { freeDailyVolume: 500 })], {
    blocklists: [{ zone: ZONE, rule: { deadPerDay: 2, delistAfterDays: 1 } }],
  });
  let now = 1_900_000_000_000;
  const { world, directory } = await worldFor(t, { scenario: spec, now: () => now, epoch: now });
  const sender = senderFrom(t, world, '127.10.0.21');
  for (const n of [1, 2, 3]) await sender.send(`gone-${n}@isp.example`);
  await begin(world, { type: 'listing', blocklist: ZONE, network: '127.10.0.0/24', days: 1 });
  now += 2 * 86_400_000;
  await world.stop();
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  const listings = events.flatMap((line) => (line.kind === 'listing' ? [`${line.network} ${line.on}`] : []));
  assert.deepEqual(listings.toSorted(), [
    '127.10.0.0/24 false',
    '127.10.0.0/24 true',
    '127.10.0.21 false',
    '127.10.0.21 true',
  ]);
});

test('complaints come more often in a wave and after it as before', async (t) => {
  const events = [{ type: 'complaint-wave', provider: 'isp', fromDay: 1, days: 1, factor: 1_000 }];
  let now = 1_900_000_000_000;
  const readers = { complaintDelay: { fromHours: 0, untilHours: 0 } };
  const spec = scenario([provider('isp')], { events, readers }, { complaintRate: 0.001 });
  const { world, directory } = await worldFor(t, { scenario: spec, now: () => now, epoch: now });
  const sender = senderFrom(t, world, '127.10.0.21');
  for (const day of [0, 1, 2]) {
    now = 1_900_000_000_000 + (day + 0.5) * 86_400_000;
    await sender.send(`reader-${day}@isp.example`);
    await sender.send('seed-01@isp.example');
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  await world.stop();
  const events2 = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  const complained = events2.flatMap((line) => (line.kind === 'complaint' ? [line.rcpt] : []));
  assert.deepEqual(complained, ['reader-1@isp.example']);
});
