import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resolveConfig } from '../../cli/config/load.ts';
import type { PowerMtaImport } from '../../import/powermta/translate.ts';
import { shapingOf } from '../../policy/shaping.ts';
import { imported } from './powermta-files.ts';

const V1 = '<virtual-mta v1>\nsmtp-source-host 198.51.100.8 mta-1.example.com\n</virtual-mta>\n';

/** Loads the draft as ./rampart check does, with every password set. */
function loaded({ draft, secrets }: PowerMtaImport) {
  const env = Object.fromEntries(secrets.map((secret) => [secret.env, secret.value]));
  return resolveConfig(JSON.parse(JSON.stringify(draft)), '/nowhere/rampart.config.ts', env);
}

const end = ({ outcomes }: PowerMtaImport, line: number) => outcomes.find((one) => one.line === line)?.end;
const says = ({ outcomes }: PowerMtaImport, line: number) => outcomes.find((one) => one.line === line)?.says;

test('limits of a queue are divided among the addresses of its virtual MTA; the strictest domain holds', () => {
  const found = imported(`<virtual-mta v>
smtp-source-host 198.51.100.8/31 mta.example.com
</virtual-mta>
<domain hotmail.com>
max-smtp-out 10
max-msg-rate 1200/h
max-msg-per-connection 30
</domain>
<domain live.com>
max-smtp-out 6
</domain>
<domain *>
max-smtp-out 20
max-connect-rate 100/m
</domain>
`);
  const { shaping } = loaded(found).mta;
  const microsoft = shapingOf('microsoft-consumer', 'v', shaping);
  assert.equal(microsoft.connections.value, 3);
  assert.equal(microsoft.messagesPerMinute.value, 10);
  assert.equal(microsoft.messagesPerConnection.value, 30);
  assert.equal(shapingOf('other', 'v', shaping).connections.value, 10);
  assert.equal(shapingOf('other', 'v', shaping).connectionsPerMinute.value, 50);
  assert.match(says(found, 5) ?? '', /stricter/);
  assert.match(says(found, 10) ?? '', /divided among 2 addresses/);
});

test('a rate slower than a message a minute becomes a day of a warm address', () => {
  const { pools } = loaded(imported(`${V1}<domain yahoo.com>\nmax-msg-rate 500/d\n</domain>\n`));
  assert.equal(pools[0]?.addresses[0]?.normal.yahoo, 500);
});

test('a rate per source address is a lane’s own; one of another network is not', () => {
  const found = imported(
    `${V1}<domain gmail.com>\nsource-ip-max-smtp-out 198.51.100.0/24 4\nsource-ip-max-msg-rate 203.0.113.0/24 1/m\n</domain>\n`,
  );
  assert.deepEqual(found.draft.shaping, { providers: { google: { connections: 4 } } });
  assert.deepEqual([end(found, 5), end(found, 6)], ['translated', 'not-supported']);
});

test('unlimited and 0 connections are no limit, and a rate of 0 is lost aloud', () => {
  const found = imported(`${V1}<domain gmail.com>\nmax-msg-rate unlimited\nmax-msg-per-connection 0\n</domain>\n
<domain icloud.com>\nmax-msg-rate 0\n</domain>\n`);
  assert.equal(found.draft.shaping, undefined);
  assert.deepEqual([end(found, 5), end(found, 6), end(found, 10)], ['not-needed', 'not-needed', 'not-supported']);
  assert.match(says(found, 10) ?? '', /suppress/);
});

test('never faster: whatever the domains say, a lane gets no more than any queue of its provider had', () => {
  const figure = fc.integer({ min: 1, max: 500 });
  fc.assert(
    fc.property(figure, figure, fc.integer({ min: 29, max: 32 }), (one, two, bits) => {
      const addresses = 2 ** (32 - bits);
      const found = imported(`<virtual-mta v>
smtp-source-host 198.51.100.8/${bits} mta.example.com
</virtual-mta>
<domain yahoo.com>
max-smtp-out ${one}
</domain>
<domain yahoo.fr>
max-smtp-out ${two}
</domain>
`);
      const limit = shapingOf('yahoo', 'v', loaded(found).mta.shaping).connections.value;
      assert.ok(limit <= Math.max(1, Math.min(one, two) / addresses));
    }),
    { numRuns: 60 },
  );
});

test('an address belongs to one pool: a second one is told where it is', () => {
  const found = imported(`${V1}<virtual-mta v2>
smtp-source-host 198.51.100.9 mta-2.example.com
smtp-source-host 2001:db8::1 mta-2.example.com
</virtual-mta>
<virtual-mta-pool a>
virtual-mta v1
</virtual-mta-pool>
<virtual-mta-pool b>
virtual-mta v1
virtual-mta v2
virtual-mta none
</virtual-mta-pool>
<virtual-mta-pool c>
virtual-mta v1
</virtual-mta-pool>
`);
  const pools = Object.entries(found.draft.pools).map(([name, { addresses }]) => [
    name,
    addresses?.map(({ ip }) => ip),
  ]);
  assert.deepEqual(pools, [
    ['a', ['198.51.100.8']],
    ['b', ['198.51.100.9']],
  ]);
  assert.deepEqual(
    [9, 12, 13, 14].map((line) => end(found, line)),
    ['translated', 'not-supported', 'translated', 'not-supported'],
  );
  assert.match(says(found, 12) ?? '', /those of v1 are in pool a/);
  assert.match(says(found, 16) ?? '', /its mail goes to pool a/);
  assert.match(says(found, 6) ?? '', /IPv6/);
});

const COLD = `<virtual-mta warm>
smtp-source-host 198.51.100.8 mta-1.example.com
cold-virtual-mta cold
<domain yahoo.com>
max-cold-virtual-mta-msg 100/d,150/d,0/d,200/d,300/d
</domain>
<domain *>
max-cold-virtual-mta-msg 50/d,60/d,75/d
</domain>
</virtual-mta>
<virtual-mta cold>
smtp-source-host 198.51.100.9 mta-2.example.com
</virtual-mta>
`;

test('a cold virtual MTA joins the pool of the warm one, with a plan of its figures that never falls', () => {
  const found = imported(COLD);
  const config = loaded(found);
  assert.deepEqual(
    config.pools[0]?.addresses.map(({ ip, standing }) => [ip, standing]),
    [
      ['198.51.100.8', 'warm'],
      ['198.51.100.9', 'cold'],
    ],
  );
  assert.deepEqual(found.draft.plans?.['cold-warm']?.rows, { default: [50, 60, 75], yahoo: [200, 300] });
  assert.ok(found.notes.some((note) => note.includes('warmup start 198.51.100.9 --plan cold-warm')));
});

test('a curve that grows faster than a plan may is kept, and stages are put in', () => {
  const found = imported(COLD.replace('50/d,60/d,75/d', '50/d,500/d,50000/d'));
  assert.equal(found.draft.plans?.['cold-warm']?.capped, true);
  loaded(found);
});

test('max-cold-virtual-mta-msg without cold-virtual-mta has no effect, and says so', () => {
  const found = imported(`${V1}<domain *>\nmax-cold-virtual-mta-msg 400/day\n</domain>\n`);
  assert.equal(found.draft.plans, undefined);
  assert.match(says(found, 5) ?? '', /no effect/);
});

test('users get the pool of their source; their passwords become names', () => {
  const found = imported(`${V1}<virtual-mta v2>
smtp-source-host 198.51.100.9 mta-2.example.com
</virtual-mta>
<smtp-user app>
password pw-of-app
source {second}
</smtp-user>
<smtp-user other>
password "pw of other"
</smtp-user>
<source {second}>
default-virtual-mta v2
</source>
<source {auth}>
default-virtual-mta v1
</source>
`);
  const { users } = loaded(found).mta.submission;
  assert.deepEqual(
    users.map(({ name, password, pools }) => [name, password, pools]),
    [
      ['app', 'pw-of-app', ['v2']],
      ['other', 'pw of other', ['v1']],
    ],
  );
});

test('networks without sign-in become an internal listener; everybody does not', () => {
  const found = imported(`${V1}smtp-listener 10.0.0.1:25
<source 10/8>
always-allow-relaying yes
</source>
<source 0/0>
always-allow-relaying yes
</source>
`);
  const { listeners } = loaded(found).mta.injection;
  assert.deepEqual(
    listeners.map((one) => [one.role, one.host, 'peers' in one ? one.peers : []]),
    [['internal', '10.0.0.1', ['10.0.0.0/8']]],
  );
  assert.match(says(found, 8) ?? '', /open relay/);
});

test('feedback addresses, bounce domains, TLS and host name are carried over', () => {
  const found = imported(`${V1}host-name out.example.com
smtp-listener 0/0:25
smtp-listener 127.0.0.1:2525
relay-address abuse@fbl.example.com
<feedback-loop-processor>
<address-list>
domain fbl.example.com
address /^jmrp@fbl\\.example\\.org$/
address /any.*/
</address-list>
</feedback-loop-processor>
<bounce-processor>
<address-list>
domain bounces.example.com
</address-list>
</bounce-processor>
<domain partner.example>
require-starttls yes
</domain>
<domain clear.example>
use-starttls no
</domain>
`);
  const config = loaded(found);
  assert.equal(config.mta.hostname, 'out.example.com');
  assert.deepEqual(config.mta.inbound?.feedbackAddresses, ['jmrp@fbl.example.org', 'abuse@fbl.example.com']);
  assert.equal(config.mta.inbound?.port, 25);
  assert.equal(config.mta.submission.port, 2525);
  assert.equal(config.mta.bounceDomain, 'bounces.example.com');
  assert.deepEqual(config.mta.delivery?.tls.domains, { 'partner.example': 'required', 'clear.example': 'none' });
  assert.equal(end(found, 12), 'not-supported');
});

test('a virtual MTA that hands everything to another engine becomes an upstream', () => {
  const found = imported(`<virtual-mta old>
smtp-source-host 198.51.100.8 mta-1.example.com
<domain *>
smtp-hosts smtp.old.example:587, [10.0.0.2]:25
auth-username relay
auth-password hunter2
max-smtp-out 5
</domain>
</virtual-mta>
${V1.replace('.8 ', '.9 ')}`);
  loaded(found);
  assert.deepEqual(found.draft.pools['old-upstream']?.upstream, {
    hosts: ['smtp.old.example:587', '10.0.0.2:25'],
    auth: { user: 'relay', password: { env: 'RAMPART_PASSWORD_UPSTREAM_OLD' } },
    tls: 'required',
    connections: 5,
    localAddress: '198.51.100.8',
    ehloName: 'mta-1.example.com',
  });
  assert.deepEqual(found.secrets, [{ env: 'RAMPART_PASSWORD_UPSTREAM_OLD', value: 'hunter2' }]);
});

test('DKIM keys are named with their files; a key for every domain is told', () => {
  const found = imported(`${V1}domain-key S1, Example.com, /etc/pmta/s1.pem
domain-key default,*,/etc/pmta.key
<domain-key-list l>
domain-key s2,example.org,keys/s2.pem
</domain-key-list>
`);
  assert.deepEqual(
    found.keys.map(({ domain, selector, file }) => [domain, selector, file]),
    [
      ['example.com', 's1', '/etc/pmta/s1.pem'],
      ['example.org', 's2', 'keys/s2.pem'],
    ],
  );
  assert.equal(end(found, 5), 'not-supported');
});

test('every directive about DKIM keys and bounce categories has its end, and none shows a secret', () => {
  const lines: readonly (readonly [text: string, end: string, says?: RegExp])[] = [
    ['domain-key s1,example.com,/etc/pmta/hidden-s1.pem', 'translated', /key s1 of example\.com/],
    ['domain-key s1,example.com', 'not-supported', /no selector, domain and file/],
    ['domain-key s_1,example.com,/x.pem', 'not-supported', /small letters, digits and dashes/],
    ['second-domain-key s3,example.net,/etc/pmta/hidden-s3.pem', 'translated', /key s3 of example\.net/],
    ['<domain-key-list l>', 'translated'],
    ['domain-key s2,example.org,keys/s2.pem', 'translated'],
    ['</domain-key-list>', ''],
    ['<domain *>', 'not-needed'],
    ['dkim-sign yes', 'not-needed', /author's domain/],
    ['dkim-identity @example.com', 'not-needed'],
    ['dkim-identity-fallback sender-or-from', 'not-needed'],
    ['second-dkim-sign yes', 'not-needed'],
    ['second-dkim-identity @example.net', 'not-supported', /dkim\.alsoSign/],
    ['dkim-algorithm rsa-sha256', 'not-needed'],
    ['dkim-expire-after 7d', 'not-supported', /neither l= nor x=/],
    ['dkim-private-key hush-hush', 'not-supported'],
    ['</domain>', ''],
    ['<bounce-category-patterns>', 'not-needed', /classif|rules/],
    ['/no such user/ bad-mailbox', 'not-needed'],
    ['/spam/ spam-related', 'not-needed'],
    ['</bounce-category-patterns>', ''],
  ];
  const found = imported(`${V1}${lines.map(([text]) => text).join('\n')}\n`);
  for (const [n, [text, expected, reason]] of lines.entries()) {
    if (expected === '') continue;
    assert.equal(end(found, n + 4), expected, text);
    if (reason !== undefined) assert.match(says(found, n + 4) ?? '', reason, text);
  }
  const told = JSON.stringify(found.outcomes);
  for (const hidden of ['hidden-s1', 'hidden-s3', 'hush-hush']) assert.ok(!told.includes(hidden), hidden);
});

test('rollup queues of a provider shape its lanes', () => {
  const found = imported(`${V1}<mx-rollup-list>
mx *.google.com gmail.rollup
mx *.googlemail.com gmail.rollup
</mx-rollup-list>
<domain gmail.rollup>
max-smtp-out 3
</domain>
`);
  assert.deepEqual(found.draft.shaping, { providers: { google: { connections: 3 } } });
});
