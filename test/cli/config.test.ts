import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, findDataDir, loadConfig, resolveConfig } from '../../cli/config/load.ts';
import { traceKeyOf } from '../../cli/config/trace-key.ts';
import { COLD, openFolder, smallConfig, writeConfig } from './command-line.ts';

const folder = await openFolder();
after(() => rm(folder, { recursive: true, force: true }));

const file = path.join(folder, 'rampart.config.ts');

/** The problems of the small configuration with some keys replaced. */
function problems(change: Record<string, unknown>, env: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    resolveConfig({ ...smallConfig(), ...change }, file, env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

const pools = (addresses: unknown, overflow?: string) => ({ marketing: { addresses, ...(overflow && { overflow }) } });
const warm = { ip: '10.9.9.9', ehloName: 'warm.example.com', standing: 'warm' };
const address = { ip: COLD, ehloName: 'mta.example.com', standing: 'cold' };

test('a configuration of pools alone gets its defaults', () => {
  const config = resolveConfig(smallConfig(), file, {});
  assert.equal(config.dataDir, path.join(folder, '.rampart'));
  assert.equal(config.calendar.kind, 'civil');
  assert.equal(config.mtaProcesses, 2);
  assert.deepEqual(config.mta.submission, { host: '127.0.0.1', port: 2525, users: [], maxBytes: 25_000_000 });
  assert.equal(config.mta.inbound, undefined);
  assert.deepEqual(config.complaintFeeds, [], 'no listener, no feed');
  assert.deepEqual(config.pools[0]?.addresses[0]?.normal, { default: 50_000 });
  assert.equal(config.pools[0]?.overflow, 'warm-peers');
  assert.equal(config.traceKey, null);
});

test('finished mail is kept 45 days, or as many as plans and evidence leave room for', () => {
  const kept = (retention?: object) => resolveConfig({ ...smallConfig(), ...(retention && { retention }) }, file, {});
  assert.equal(kept().mta.keepDays, 45);
  assert.equal(kept({ days: 400 }).mta.keepDays, 400);
  assert.match(
    problems({ retention: { days: 30 } })[0] ?? '',
    /^retention\.days: expected at least 31: plans and evid/,
  );
});

test('durations are read with their units, and secrets from the environment', () => {
  const seed = { address: 's@example.com', host: 'h', user: 's', password: { env: 'SEED' }, provider: 'google' };
  const config = resolveConfig(
    {
      ...smallConfig(),
      calendar: { compressed: { dayLength: '3s', epoch: 1 } },
      seeds: [seed],
      traceKey: { env: 'KEY' },
    },
    file,
    { SEED: 'secret', KEY: 'k' },
  );
  assert.deepEqual(config.calendar, { kind: 'compressed', epoch: 1, dayLength: 3_000 });
  assert.equal(config.seeds[0]?.password, 'secret');
  assert.equal(config.traceKey, 'k');
});

test('an upstream is a pool: its hosts have ports, and its password is shown to nobody', () => {
  const auth = { user: 'rampart', password: { env: 'SECRET' } };
  const upstream = { hosts: ['smtp.old.example:587', '127.0.0.1'], tls: 'verify', auth };
  const config = resolveConfig(
    { ...smallConfig(), pools: { ...pools([address], 'pool:legacy'), legacy: { upstream } }, users: [] },
    file,
    { SECRET: 'hush' },
  );
  assert.deepEqual(config.mta.upstreams, [
    {
      pool: 'legacy',
      hosts: [
        { host: 'smtp.old.example', port: 587 },
        { host: '127.0.0.1', port: 25 },
      ],
      tls: 'verify',
      connections: 10,
      messagesPerConnection: 100,
      auth: { user: 'rampart', password: 'hush' },
    },
  ]);
  assert.deepEqual(config.pools[1], {
    name: 'legacy',
    overflow: 'warm-peers',
    addresses: [],
    upstream: ['smtp.old.example:587', '127.0.0.1:25'],
  });
  assert.doesNotMatch(JSON.stringify(config.pools), /hush/);
});

test('senders are told of failures unless told otherwise; more reporters may be named', () => {
  const mta = (given: unknown) => resolveConfig({ ...smallConfig(), mta: given }, file, {}).mta;
  assert.equal(mta({}).notifications, 'sender');
  assert.equal(mta({ notifications: 'none' }).notifications, 'none');
  const feedbackAddresses = ['fbl@example.com'];
  assert.deepEqual(mta({ inbound: { feedbackAddresses } }).inbound?.reporters, []);
  const reporters = ['feedback@arf.example.net'];
  assert.deepEqual(mta({ inbound: { feedbackAddresses, reporters } }).inbound?.reporters, reporters);
  assert.throws(() => mta({ inbound: { feedbackAddresses, reporters: ['example.net'] } }), /a From address such as/);
  assert.throws(() => mta({ notifications: 'everybody' }), /notifications/);
});

test('complaint feeds follow from the inbound listener', () => {
  const inbound = { feedbackAddresses: ['fbl@example.com'] };
  assert.deepEqual(resolveConfig({ ...smallConfig(), mta: { inbound } }, file, {}).complaintFeeds, [], 'none named');
});

const CASES: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ['an unknown key', { pols: {} }, 'pols: unknown key; did you mean pools?'],
  [
    'an unknown key within an address',
    { pools: pools([{ ...address, ehlo: 'x' }]) },
    'pools.marketing.addresses[0].ehlo: unknown key',
  ],
  [
    'no IPv4 address',
    { pools: pools([{ ...address, ip: '10.0.0' }]) },
    'pools.marketing.addresses[0].ip: expected an IPv4 address such as 198.51.100.8 (Rampart does not send over IPv6), found "10.0.0"',
  ],
  [
    'a missing value',
    { pools: pools([{ ip: COLD, standing: 'cold' }]) },
    'pools.marketing.addresses[0].ehloName: expected text, found nothing',
  ],
  [
    'a misspelt choice',
    { pools: pools([address], 'warm-peer') },
    'pools.marketing.overflow: expected one of warm-peers, wait, refuse or pool:<name of another pool>, found "warm-peer"',
  ],
  [
    'an overflow to nowhere',
    { pools: pools([address], 'pool:reserve') },
    'pools.marketing.overflow: no pool is called "reserve" (there is no other pool)',
  ],
  [
    'an overflow in a circle',
    { pools: { ...pools([address], 'pool:b'), b: { addresses: [warm], overflow: 'pool:marketing' } } },
    'pools.marketing.overflow: pool b overflows to pool marketing itself: mail moves once, so choose a pool that does not overflow to another',
  ],
  [
    'an overflow to a pool that can take nothing',
    { pools: { ...pools([warm], 'pool:b'), b: { addresses: [address] } } },
    "pools.marketing.overflow: pool b has no address with standing 'warm' and is no upstream: there is nothing in it to overflow to",
  ],
  [
    'addresses and an upstream in one pool',
    { pools: { marketing: { addresses: [address], upstream: { hosts: ['smtp.old.example'] } } } },
    'pools.marketing.upstream: a pool has addresses or an upstream, not both: make two pools',
  ],
  [
    'an upstream that is no host',
    { pools: { legacy: { upstream: { hosts: ['smtp.old.example:587:1'] } } }, users: [] },
    'pools.legacy.upstream.hosts[0]: expected host:port such as smtp.old.example:587 (port 25 where none is given), found "smtp.old.example:587:1"',
  ],
  [
    "an upstream's password in clear",
    {
      pools: { legacy: { upstream: { hosts: ['smtp.old.example'], auth: { user: 'u', password: 'p' } } } },
      users: [],
    },
    "pools.legacy.upstream.tls: the password for smtp.old.example could go in clear: set tls to 'required' or 'verify'",
  ],
  [
    "an upstream's password that is not there",
    {
      pools: {
        legacy: { upstream: { hosts: ['a'], tls: 'verify', auth: { user: 'u', password: { env: 'NOPE' } } } },
      },
      users: [],
    },
    'pools.legacy.upstream.auth.password: the environment variable NOPE is not set',
  ],
  [
    'an empty pool',
    { pools: pools([]) },
    'pools.marketing.addresses: expected at least one address, found an empty list',
  ],
  ['no pool', { pools: {} }, 'pools: expected at least one pool, found an empty object'],
  [
    'an address twice',
    { pools: pools([address, address]) },
    `pools.marketing.addresses[1].ip: ${COLD} is twice in pool marketing: an address belongs to one pool, once`,
  ],
  [
    'an address in two pools',
    { pools: { ...pools([address]), other: { addresses: [address] } } },
    `pools.other.addresses[0].ip: ${COLD} is in pool marketing as well: an address belongs to one pool, once`,
  ],
  [
    "a user's pool that is not there",
    { users: [{ name: 'a', password: 'b', pools: ['marketng'] }] },
    'users[0].pools[0]: expected one of marketing, found "marketng"',
  ],
  [
    'a secret of the wrong type, which is not shown',
    { users: [{ name: 'a', password: 12345, pools: ['marketing'] }] },
    "users[0].password: expected some text or { env: 'NAME' }, found a number (not shown)",
  ],
  [
    'a variable that is not set',
    { users: [{ name: 'a', password: { env: 'NOPE' }, pools: ['marketing'] }] },
    'users[0].password: the environment variable NOPE is not set',
  ],
  [
    'an unknown time zone',
    { calendar: { zone: 'Europe/Berln' } },
    'calendar: unknown time zone "Europe/Berln": use a name such as Europe/Berlin',
  ],
  [
    'send hours that end before they begin',
    { calendar: { sendHours: { from: 9, to: 8 } } },
    'calendar: send hours 9 to 8 are not an interval within 0 to 24',
  ],
  ['a misspelt calendar key', { calendar: { sendDay: [1] } }, 'calendar.sendDay: unknown key; did you mean sendDays?'],
  [
    'a duration without a unit',
    { calendar: { compressed: { dayLength: 'three' } } },
    "calendar.compressed.dayLength: expected a duration such as '3s', '500ms', '1d', or ms as a number, found \"three\"",
  ],
  [
    'a port that is none',
    { mta: { submission: { port: 99_999 } } },
    'mta.submission.port: expected a port number from 0 (any free one) to 65535, found 99999',
  ],
  [
    'a resolver that is none',
    { mta: { resolvers: ['dns.example'] } },
    'mta.resolvers[0]: expected ip:port such as 127.0.0.1:53, found "dns.example"',
  ],
  [
    'a certificate that is not there',
    { mta: { submission: { tls: { cert: 'no.pem', key: 'no.pem' } } } },
    `mta.submission.tls.cert: expected a file that can be read, found none at ${path.join(folder, 'no.pem')}`,
  ],
  [
    "a seed's provider without a lane",
    { seeds: [{ provider: 'apple', address: 's@icloud.com', host: 'h', user: 'u', password: 'p' }] },
    'seeds[0].provider: expected a provider listed in "providers", found "apple"',
  ],
  [
    'complaint feeds that nobody can reach',
    { complaintFeeds: ['yahoo'] },
    'complaintFeeds: no report can arrive: set mta.inbound, or leave complaintFeeds empty',
  ],
];

for (const [name, change, expected] of CASES) {
  test(`${name} is named with its path and what was expected`, () => {
    const found = problems(change);
    assert.ok(
      found.some((line) => line.startsWith(expected)),
      `wanted: ${expected}\nfound: ${found.join('\n')}`,
    );
  });
}

test('every problem is a line of its own', () => {
  assert.equal(problems({ node: '', mta: { processes: 0, maxBytes: 'big' } }).length, 3);
});

test('a file is found, imported, and its paths are relative to it', async () => {
  const written = await writeConfig(folder, { ...smallConfig(), dataDir: 'data' });
  const config = await loadConfig({ file: 'rampart.config.ts', cwd: folder, env: {} });
  assert.equal(config.file, written);
  assert.equal(config.dataDir, path.join(folder, 'data'));
  assert.equal((await loadConfig({ env: { RAMPART_CONFIG: written } })).file, written);
});

test('a file that is not there, or exports nothing, says what to do', async () => {
  await assert.rejects(
    loadConfig({ file: path.join(folder, 'none.ts') }),
    /there is no such file: write one with \.\/rampart init/,
  );
  const empty = await writeConfig(folder, undefined, 'empty.ts');
  await assert.rejects(loadConfig({ file: empty }), /exports nothing: write export default defineConfig/);
});

test('the data folder is found in a configuration that is otherwise wrong', async () => {
  const wrong = await writeConfig(folder, { dataDir: 'kept', pools: 'none' }, 'wrong.ts');
  assert.equal(await findDataDir({ file: wrong }), path.join(folder, 'kept'));
  assert.equal(await findDataDir({ file: path.join(folder, 'none.ts') }), path.join(folder, '.rampart'));
});

test('the trace key is made once, for its owner only, also by processes that start at once', async () => {
  const config = { traceKey: null, dataDir: path.join(folder, 'keys') };
  const made = await Promise.all([1, 2, 3, 4].map(() => traceKeyOf(config)));
  assert.equal(new Set(made).size, 1);
  assert.match(made[0] ?? '', /^[0-9a-f]{64}$/);
  assert.equal(await traceKeyOf(config), made[0]);
  assert.equal((await stat(path.join(config.dataDir, 'trace.key'))).mode & 0o777, 0o600);
  assert.equal(await traceKeyOf({ ...config, traceKey: 'given' }), 'given');
});

test('ways in: listeners of every role, http, limits, what marketing must have', () => {
  const mta = {
    listeners: [
      { role: 'submission', port: 587, tls: { cert: 'here.pem', key: 'here.pem', implicit: true } },
      { role: 'internal', port: 2527, peers: ['10.0.0.0/8', '::1'], pools: ['marketing'], domains: ['*.shop.example'] },
      { role: 'inbound', port: 2528, feedbackAddresses: ['fbl@x.example'], proxyFrom: ['10.0.0.1'] },
    ],
    http: {},
    limits: { idle: '30s' },
    requireListUnsubscribe: 'require',
  };
  writeFileSync(path.join(folder, 'here.pem'), '');
  const { injection } = resolveConfig({ ...smallConfig(), mta }, file, {}).mta;
  const pem = path.join(folder, 'here.pem');
  assert.deepEqual(injection.listeners, [
    { role: 'submission', host: '127.0.0.1', port: 587, tls: { cert: pem, key: pem, implicit: true } },
    {
      role: 'internal',
      host: '127.0.0.1',
      port: 2527,
      peers: ['10.0.0.0/8', '::1'],
      pools: ['marketing'],
      domains: ['*.shop.example'],
      tenants: [],
      streams: [],
      rate: null,
    },
    {
      role: 'inbound',
      host: '127.0.0.1',
      port: 2528,
      feedbackAddresses: ['fbl@x.example'],
      reporters: [],
      proxyFrom: ['10.0.0.1'],
    },
  ]);
  assert.deepEqual(injection.http, { host: '127.0.0.1', port: 8025 });
  assert.equal(injection.limits.idle, 30_000);
  assert.equal(injection.limits.clients, 500);
  assert.equal(injection.requireListUnsubscribe, 'require');

  const internal = { role: 'internal', port: 1, peers: ['10.0.0.1'], pools: ['marketing'] };
  const wrong = (listener: object) => problems({ mta: { listeners: [listener] } });
  assert.match(
    wrong({ ...internal, peers: ['10.0.0.0/33'] })[0] ?? '',
    /^mta\.listeners\[0\]\.peers\[0\]: expected an address or network/,
  );
  assert.match(wrong({ ...internal, peers: [] })[0] ?? '', /at least one address or network/);
  assert.match(
    wrong({ ...internal, pools: ['other'] })[0] ?? '',
    /pools\[0\]: expected one of marketing, found "other"/,
  );
  assert.match(wrong({ ...internal, proxyFrom: ['10.0.0.1'] })[0] ?? '', /10\.0\.0\.1 is a proxy/);
  const wide = { ...internal, peers: ['10.0.0.0/8'], proxyFrom: ['10.9.9.9'] };
  assert.match(wrong(wide)[0] ?? '', /10\.9\.9\.9 is a proxy: list its clients/);
  for (const peer of ['0.0.0.0/0', '128.0.0.0/1', '::/0', '2000::/3'])
    assert.match(wrong({ ...internal, peers: ['10.0.0.0/8', peer] })[0] ?? '', /peers\[1\]: .* is half the world/);
  assert.match(wrong({ ...internal, role: 'relay' })[0] ?? '', /role/);
  assert.match(
    wrong({ role: 'submission', port: 1, tls: { cert: 'no', key: 'no' } })[0] ?? '',
    /tls\.cert: expected a file/,
  );
  assert.match(problems({ mta: { limits: { recipients: 5 } } })[0] ?? '', /recipients: expected at least 100/);
});
