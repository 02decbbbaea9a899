import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resolveConfig } from '../../cli/config/load.ts';
import { kumoLimit, kumoRate } from '../../import/kumomta/rates.ts';
import { NotReadable, readKumoFile } from '../../import/kumomta/read.ts';
import { importKumoMta } from '../../import/kumomta/translate.ts';
import { COMMON } from './powermta-files.ts';

const SOURCES = `
[source."ip-1"]
source_address = "198.51.100.8"
ehlo_domain = "mta-1.example.com"
[source."ip-2"]
source_address = "198.51.100.9"
ehlo_domain = "mta-2.example.com"
[source."six"]
source_address = "2001:db8::1"
[pool."bulk"."ip-1"]
weight = 3
[pool."bulk"."ip-2"]
[pool."again"."ip-1"]
`;

const SHAPING = `
["default"]
connection_limit = 12
max_message_rate = "50/s"
[provider."google"]
match = [{MXSuffix=".google.com"}, {MXSuffix=".googlemail.com"}]
provider_connection_limit = 5
max_deliveries_per_connection = 50
enable_tls = "Required"
[provider."google".sources."ip-2"]
provider_source_selection_rate = "100/day,max_burst=1"
[provider."nobody"]
match = [{MXSuffix=".example.org"}]
connection_limit = 3
[[provider."google".automation]]
regex = "x"
action = "Suspend"
duration = "1 hour"
["hotmail.com"]
connection_limit = 8
["live.com"]
connection_limit = 4
idle_timeout = "60s"
["my.example"]
enable_tls = "Disabled"
max_age = "2 hours"
`;

function imported(...texts: readonly (readonly [string, string])[]) {
  const found = importKumoMta(
    texts.map(([name, text]) => readKumoFile(name, text)),
    COMMON,
  );
  const ends = Object.fromEntries(found.outcomes.map(({ at, end }) => [at, end]));
  return { ...found, ends };
}

test('sources and pools become pools of addresses; one with a selection rate is cold', () => {
  const { draft, ends } = imported(['sources.toml', SOURCES], ['shaping.toml', SHAPING]);
  const { pools } = resolveConfig(JSON.parse(JSON.stringify(draft)), '/nowhere/rampart.config.ts', {});
  assert.deepEqual(
    pools.map(({ name, addresses }) => [name, addresses.map(({ ip, standing }) => `${ip} ${standing}`)]),
    [['bulk', ['198.51.100.8 warm', '198.51.100.9 cold']]],
  );
  assert.equal(ends['pool.bulk.ip-1.weight'], 'not-supported');
  assert.equal(ends['pool.again.ip-1'], 'not-supported');
  assert.equal(ends['source.six.source_address'], 'not-supported');
});

test('limits are carried to the provider that is meant; the strictest of its domains holds', () => {
  const { draft, ends } = imported(['sources.toml', SOURCES], ['shaping.toml', SHAPING]);
  assert.deepEqual(draft.shaping, {
    default: { connections: 12, messagesPerMinute: 3_000 },
    providers: {
      google: { connections: 5, messagesPerConnection: 50 },
      'microsoft-consumer': { connections: 4 },
    },
  });
  assert.deepEqual(draft.mta?.remoteTls, { providers: { google: 'verify' }, domains: { 'my.example': 'none' } });
  assert.equal(ends['provider.nobody.connection_limit'], 'not-supported');
  assert.equal(ends['provider.google.automation'], 'not-needed');
  assert.equal(ends['"my.example".max_age'], 'not-supported');
});

test('JSON says the same as TOML', () => {
  const json = JSON.stringify({ default: { connection_limit: 12 }, 'hotmail.com': { connection_limit: 8 } });
  assert.deepEqual(imported(['x.json', json]).draft.shaping, {
    default: { connections: 12 },
    providers: { 'microsoft-consumer': { connections: 8 } },
  });
});

test('tenants are told the pool their user should have', () => {
  const queues = `[tenant."shop"]\negress_pool = "bulk"\n[queue.default]\nmax_age = "24 hours"\n`;
  const { outcomes } = imported(['sources.toml', SOURCES], ['queues.toml', queues]);
  assert.match(outcomes.find(({ at }) => at === 'tenant.shop.egress_pool')?.says ?? '', /give its user pool bulk/);
});

test('rates and limits are read as KumoMTA writes them', () => {
  assert.deepEqual(kumoRate('local:1,000/day'), { count: 1_000, seconds: 86_400 });
  assert.deepEqual(kumoRate('10/minute'), { count: 10, seconds: 60 });
  for (const wrong of ['0/day', '10', 'x/h', '10/fortnight', 10]) assert.equal(kumoRate(wrong), undefined);
  assert.equal(kumoLimit('local:12'), 12);
  for (const wrong of ['0', -1, 'x', null]) assert.equal(kumoLimit(wrong), undefined);
});

test('what is no such file is refused in one line; any table is read to its end', () => {
  assert.throws(() => readKumoFile('x.toml', 'a = = b'), NotReadable);
  assert.throws(() => readKumoFile('x.json', '[1]'), NotReadable);
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.jsonValue())), (table) => {
      importKumoMta([readKumoFile('x.json', JSON.stringify(table))], COMMON);
    }),
  );
});
