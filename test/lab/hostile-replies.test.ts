/** Refusals that are not the sender's fault: false 5.1.1, one tenant's block behind a shared MX, replies in no list. */
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import type { EventLine } from '../../lab/records.ts';
import { UNLISTED_PERMANENT, UNLISTED_TEMPORARY } from '../../lab/unlisted-replies.ts';
import { PROVIDERS } from '../../policy/providers.ts';
import { classifyReply } from '../../policy/replies.ts';
import { DAY, EPOCH, HOUR, linesOf, provider, scenario, senderFrom, worldFor } from './support.ts';

const IP = '127.10.0.21';
const READERS = Array.from({ length: 25 }, (_, index) => `reader-${index}@isp.example`);

test('for some hours a share of living recipients is called unknown, always the same ones, and nobody is blamed', async (t) => {
  const clock = { now: EPOCH };
  const spec = scenario([provider('isp', { dialect: 'yahoo', freeDailyVolume: 500, messagesPerConnection: 500 })], {
    events: [{ type: 'false-unknown', provider: 'isp', fromDay: 1, hours: 6, share: 0.4 }],
  });
  const { world, directory } = await worldFor(t, { scenario: spec, now: () => clock.now, epoch: EPOCH });
  const sender = senderFrom(t, world, IP);
  const refusedOf = async () => {
    const refused: string[] = [];
    for (const rcpt of READERS) {
      const answer = await sender.send(rcpt);
      if (answer.startsWith('250')) continue;
      assert.match(answer, /^550 5\.1\.1 delivery error: dd This user doesn't have/);
      refused.push(rcpt);
    }
    return refused;
  };
  assert.deepEqual(await refusedOf(), []);
  clock.now = EPOCH + 1.1 * DAY;
  const refused = await refusedOf();
  assert.ok(refused.length > 3 && refused.length < 20, `${refused.length} of 25`);
  clock.now = EPOCH + 1.2 * DAY;
  assert.deepEqual(await refusedOf(), refused);
  assert.equal(world.state().providers.isp?.sources[IP]?.score, 100);
  clock.now = EPOCH + DAY + 6.1 * HOUR;
  assert.deepEqual(await refusedOf(), []);
  await world.stop();
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  assert.ok(!events.some((line) => line.kind === 'score'));
});

test('one tenant behind a shared MX refuses everybody while its neighbours accept', async (t) => {
  const known = '127.10.0.30';
  const domains = ['contoso.example', 'fabrikam.example', 'northwind.example'];
  const spec = scenario([provider('m365', { domains, dialect: 'microsoft-365' })], {
    established: [{ ip: known, daily: { m365: 100 } }],
  });
  const { world, directory } = await worldFor(t, { scenario: spec });
  const event = { type: 'tenant-block', provider: 'm365', domain: 'fabrikam.example', hours: 24 };
  const post = (body: object) => {
    return fetch(`${world.facts.control}/event`, { method: 'POST', body: JSON.stringify(body) });
  };
  assert.equal((await post(event)).status, 200);
  const wrong = await post({ ...event, domain: 'isp.example' });
  assert.equal(wrong.status, 400);
  assert.match(await wrong.text(), /domain: .*m365.* has no domain .*isp\.example/);
  for (const ip of [IP, known]) {
    const sender = senderFrom(t, world, ip);
    assert.match(await sender.send('a@contoso.example'), /^250/);
    const refused = await sender.send('a@fabrikam.example');
    assert.match(
      refused,
      /^550 5\.7\.513 Service unavailable, Client host \[127\.10\.0\.\d+\] blocked by fabrikam\.example/,
    );
    assert.match(await sender.send('a@northwind.example'), /^250/);
    assert.equal(world.state().providers.m365?.sources[ip]?.score, 100);
  }
  await world.stop();
  const events = await linesOf<EventLine>(path.join(directory, 'events.jsonl'));
  const begun = events.find((line) => line.kind === 'tenant-block' && line.on);
  assert.ok(begun?.kind === 'tenant-block' && begun.domain === 'fabrikam.example');
});

test('the replies in no list are read by no rule, at any provider', () => {
  for (const { code, text } of [...UNLISTED_TEMPORARY, ...UNLISTED_PERMANENT]) {
    for (const { key } of [...PROVIDERS, { key: 'other' }]) {
      const { rule } = classifyReply({ code, text, provider: key, stage: 'data' });
      assert.match(rule, /^(code-|status-x\.)/, `${key} reads ${code} ${text.slice(0, 40)} by ${rule}`);
    }
  }
});

test('a share of answers is in no list: 4xx passes when tried again, 5xx never does, the same in any order', async (t) => {
  const world = async (order: 1 | -1) => {
    const unlistedReplies = { temporaryShare: 0.3, permanentShare: 0.2 };
    const spec = scenario([provider('isp', { unlistedReplies, freeDailyVolume: 500, messagesPerConnection: 500 })]);
    const { world } = await worldFor(t, { scenario: spec });
    const sender = senderFrom(t, world, IP);
    const answers = new Map<string, string[]>();
    for (let round = 0; round < 8; round++) {
      for (const rcpt of order === 1 ? READERS : READERS.toReversed()) {
        const said = answers.get(rcpt) ?? [];
        if (said.some((one) => one.startsWith('2'))) continue;
        answers.set(rcpt, [...said, await sender.send(rcpt)]);
      }
    }
    await world.stop();
    return READERS.map((rcpt) => answers.get(rcpt) ?? []);
  };
  const answers = await world(1);
  assert.deepEqual(await world(-1), answers);
  const known = new Set([...UNLISTED_TEMPORARY, ...UNLISTED_PERMANENT].map((one) => `${one.code} ${one.text}`.trim()));
  for (const said of answers) {
    for (const one of said) {
      if (!one.startsWith('2')) assert.ok(known.has(one.trim()), one);
    }
    const [refused, passed] = ['5', '2'].map((digit) => said.some((one) => one.startsWith(digit)));
    assert.ok(refused !== passed, `one end and not the other: ${said}`);
  }
  const first = answers.map((said) => said[0]?.[0]);
  for (const digit of ['2', '4', '5']) assert.ok(first.includes(digit), `${digit} among ${first}`);
});
