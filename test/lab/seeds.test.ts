import assert from 'node:assert/strict';
import test from 'node:test';
import { ImapFlow } from 'imapflow';
import { burst, provider, scenario, senderFrom, worldFor } from './support.ts';

test('a seed sees good mail in its inbox and a bad sender’s mail in Junk', async (t) => {
  const spec = scenario([provider('isp', { seeds: 2, freeDailyVolume: 500 })]);
  const { world } = await worldFor(t, { scenario: spec });
  const seed = world.facts.seeds[0];
  assert.ok(seed);
  assert.equal(seed.address, 'seed-01@isp.example');
  assert.match(await senderFrom(t, world, '127.10.0.21').send(seed.address, { messageId: '<good@x>' }), /^250/);
  const bad = senderFrom(t, world, '127.10.0.22');
  await burst(bad, 11, 'isp.example', 'gone');
  assert.match(await bad.send(seed.address, { messageId: '<bad@x>', from: 'b@other.example' }), /^250/);

  const { host, port, user, password } = seed;
  const client = new ImapFlow({ host, port, secure: false, auth: { user, pass: password }, logger: false });
  client.on('error', () => {});
  await client.connect();
  t.after(() => client.close());
  const folders = await client.list();
  const junk = folders.find((one) => one.specialUse === '\\Junk');
  assert.ok(junk);
  const found = async (folder: string, messageId: string) => {
    const lock = await client.getMailboxLock(folder, { readOnly: true });
    try {
      return (await client.search({ header: { 'message-id': messageId } }, { uid: true })) || [];
    } finally {
      lock.release();
    }
  };
  assert.equal((await found('INBOX', '<good@x>')).length, 1);
  assert.equal((await found('INBOX', '<bad@x>')).length, 0);
  assert.equal((await found(junk.path, '<bad@x>')).length, 1);
  await client.logout();
});
