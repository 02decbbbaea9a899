import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasComplaintFeed, type MxRecord, PROVIDERS, providerOf } from '../../policy/providers.ts';

const mx = (...hosts: (string | [string, number])[]): MxRecord[] =>
  hosts.map((host) =>
    typeof host === 'string' ? { exchange: host, priority: 10 } : { exchange: host[0], priority: host[1] },
  );

test('the MX decides, whatever its case and final dot', () => {
  assert.equal(providerOf(mx('gmail-smtp-in.l.google.com')), 'google');
  assert.equal(providerOf(mx('ASPMX.L.GOOGLE.COM.')), 'google');
  assert.equal(providerOf(mx('outlook-com.olc.protection.outlook.com')), 'microsoft-consumer');
  assert.equal(providerOf(mx('example-com.mail.protection.outlook.com')), 'microsoft-365');
  assert.equal(providerOf(mx('mx-att.mail.am0.yahoodns.net')), 'yahoo');
  assert.equal(providerOf(mx('mx01.mail.icloud.com')), 'apple');
});

test('suffixes end at a label: a lookalike host is other', () => {
  assert.equal(providerOf(mx('mx.notgoogle.com')), 'other');
  assert.equal(providerOf(mx('google.com.example.net')), 'other');
});

test('only the hosts of the lowest preference count', () => {
  assert.equal(providerOf(mx(['mx1.smtp.goog.example', 30], ['aspmx.l.google.com', 1])), 'google');
  assert.equal(providerOf(mx(['mail.example.com', 1], ['aspmx.l.google.com', 10])), 'other');
});

test('a mix of providers, or of a provider and an unknown host, is other', () => {
  assert.equal(providerOf(mx('aspmx.l.google.com', 'mx01.mail.icloud.com')), 'other');
  assert.equal(providerOf(mx('aspmx.l.google.com', 'mx.example.com')), 'other');
  assert.equal(providerOf(mx('alt1.aspmx.l.google.com', 'alt2.aspmx.l.google.com')), 'google');
});

test('no MX, and the null MX, are other', () => {
  assert.equal(providerOf([]), 'other');
  assert.equal(providerOf(mx(['.', 0])), 'other');
});

test('complaints message by message come from the providers that report them', () => {
  const feeds = ['google', 'yahoo', 'microsoft-consumer', 'microsoft-365', 'apple', 'comcast', 'other'].filter(
    hasComplaintFeed,
  );
  assert.deepEqual(feeds, ['yahoo', 'microsoft-consumer', 'comcast']);
});

test('keys are unique and no suffix belongs to two providers', () => {
  const keys = PROVIDERS.map((provider) => provider.key);
  assert.equal(new Set(keys).size, keys.length);
  for (const { key, suffixes } of PROVIDERS) {
    for (const suffix of suffixes) assert.equal(providerOf(mx(`mx.${suffix}`)), key, suffix);
  }
});
