import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { authorDomain } from '../../lab/author-domain.ts';
import { DIALECTS } from '../../lab/dialect.ts';
import {
  burst,
  DAY,
  EPOCH,
  HOUR,
  type Overrides,
  provider,
  type Sender,
  scenario,
  senderFrom,
  worldFor,
} from './support.ts';

const FIRST = '127.10.0.21';
const SECOND = '127.10.0.22';

async function turnableWorld(t: TestContext, spec: Overrides, rest: Overrides = {}) {
  const clock = { now: EPOCH };
  const generous = { freeDailyVolume: 100_000, messagesPerConnection: 1_000, ...spec };
  const { world } = await worldFor(t, {
    scenario: scenario([provider('isp', generous)], rest),
    now: () => clock.now,
    epoch: EPOCH,
  });
  return { world, clock };
}

/** Sends `n` messages that name `author` in From; how often each code came. */
async function sendAs(sender: Sender, n: number, author: string, prefix: string): Promise<Map<string, number>> {
  const codes = new Map<string, number>();
  for (let at = 0; at < n; at++) {
    const answer = await sender.send(`${prefix}-${at}@isp.example`, { author: `news@${author}` });
    codes.set(answer.slice(0, 3), (codes.get(answer.slice(0, 3)) ?? 0) + 1);
  }
  return codes;
}

test('the author is the aligned signer, else the domain of From', () => {
  const from = 'From: "Shop, <the> one" <news@Mail.Shop.example>';
  const signed = (...domains: string[]) => {
    const lines = domains.map((domain) => `DKIM-Signature: v=1; a=rsa-sha256;\r\n\td=${domain}; s=k1; b=AA\r\n\t BB`);
    return [...lines, from].join('\r\n');
  };
  assert.equal(authorDomain(from), 'mail.shop.example');
  assert.equal(authorDomain(signed('shop.example')), 'shop.example');
  assert.equal(authorDomain(signed('esp.example', 'mail.shop.example')), 'mail.shop.example');
  assert.equal(authorDomain(signed('esp.example')), 'mail.shop.example', 'a stranger signs for itself');
  assert.equal(authorDomain(signed('op.example')), 'mail.shop.example', 'op.example is no parent of shop.example');
  assert.equal(authorDomain('From: news@shop.example'), 'shop.example');
  assert.equal(authorDomain('Subject: x'), null);
});

test('a domain has its own allowance in 24 h, over all addresses; another domain from the same address passes', async (t) => {
  const { world, clock } = await turnableWorld(t, { dialect: 'google', domainReputation: { freeDailyVolume: 40 } });
  const [one, two] = [senderFrom(t, world, FIRST), senderFrom(t, world, SECOND)];
  for (let hour = 0; hour < 2; hour++) {
    clock.now = EPOCH + hour * HOUR;
    assert.deepEqual(await sendAs(one, 10, 'shop.example', `a${hour}`), new Map([['250', 10]]));
    assert.deepEqual(await sendAs(two, 10, 'shop.example', `b${hour}`), new Map([['250', 10]]));
  }
  clock.now = EPOCH + 2 * HOUR;
  for (const sender of [one, two]) {
    const limited = await sender.send('reader@isp.example', { author: 'news@shop.example' });
    assert.match(limited, /^421 4\.7\.28 .*DKIM domain \[shop\.example/);
  }
  assert.deepEqual(await sendAs(one, 5, 'fresh.example', 'c'), new Map([['250', 5]]));
  const state = world.state().providers.isp;
  assert.equal(state?.sources[FIRST]?.score, 100, 'the address is not to blame');
  assert.equal(state?.domains['shop.example']?.allowance, 40);
});

test('more than a third of the allowance within an hour is put off too, and costs the domain nothing', async (t) => {
  const { world, clock } = await turnableWorld(t, { domainReputation: { freeDailyVolume: 120 } });
  const sender = senderFrom(t, world, FIRST);
  assert.deepEqual(
    await sendAs(sender, 50, 'shop.example', 'a'),
    new Map([
      ['250', 40],
      ['451', 10],
    ]),
  );
  assert.equal(world.state().providers.isp?.domains['shop.example']?.score, 100);
  clock.now = EPOCH + 2 * HOUR;
  assert.deepEqual(await sendAs(sender, 10, 'shop.example', 'b'), new Map([['250', 10]]));
});

test('a domain that mails the dead and pushes on is blocked from every address, and heals', async (t) => {
  const { world, clock } = await turnableWorld(t, { dialect: 'google', domainReputation: { freeDailyVolume: 40 } });
  const sender = senderFrom(t, world, FIRST);
  await sendAs(sender, 2, 'shop.example', 'reader');
  await burst(sender, 25, 'isp.example', 'gone');
  const standing = () => world.state().providers.isp?.domains['shop.example']?.standing;
  assert.equal(standing(), 'blocked', 'at RCPT the return path stands for the author last seen under it');
  const fresh = senderFrom(t, world, SECOND);
  const refused = await fresh.send('reader@isp.example', { author: 'news@shop.example' });
  assert.match(refused, /^550 5\.7\.1 \[127\.10\.0\.22\] .*very low reputation of the sending domain/);
  clock.now = EPOCH + 5 * DAY;
  assert.equal(standing(), 'good');
  assert.deepEqual(await sendAs(fresh, 5, 'shop.example', 'later'), new Map([['250', 5]]));
});

test('a domain with a history may send by it', async (t) => {
  const domainReputation = { freeDailyVolume: 10 };
  const establishedDomains = [{ domain: 'shop.example', daily: { isp: 60 } }];
  const { world } = await turnableWorld(t, { domainReputation }, { establishedDomains });
  const sender = senderFrom(t, world, FIRST);
  assert.deepEqual(await sendAs(sender, 30, 'shop.example', 'a'), new Map([['250', 30]]));
  assert.deepEqual(
    await sendAs(sender, 12, 'new.example', 'b'),
    new Map([
      ['250', 10],
      ['451', 2],
    ]),
  );
});

test('without the setting the domain of MAIL FROM is judged, and never limited', async (t) => {
  const { world } = await turnableWorld(t, {});
  assert.deepEqual(await sendAs(senderFrom(t, world, FIRST), 30, 'shop.example', 'a'), new Map([['250', 30]]));
  assert.deepEqual(Object.keys(world.state().providers.isp?.domains ?? {}), ['bounce.test.example']);
  assert.equal(world.state().providers.isp?.domains['bounce.test.example']?.allowance, null);
});

test('every dialect refuses a domain with a 4xx when it is limited and a 5xx when it is blocked', () => {
  for (const [name, dialect] of Object.entries(DIALECTS)) {
    const limited = dialect.domainLimited('shop.example');
    const blocked = dialect.domainBlocked('shop.example', FIRST);
    const tenant = dialect.tenantBlocked(FIRST, 'reader@isp.example');
    assert.ok(limited.code >= 400 && limited.code < 500 && limited.text.startsWith('4.'), name);
    assert.ok(blocked.code >= 500 && blocked.text.startsWith('5.'), name);
    assert.ok(tenant.code >= 500 && tenant.text.startsWith('5.'), name);
  }
});
