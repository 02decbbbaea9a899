import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { judgeDkim, judgeDmarc, judgeSpf } from '../../policy/preflight/authentication.ts';
import {
  type Check,
  fail,
  forUnseen,
  type Lookup,
  pass,
  skip,
  summaryText,
  warn,
} from '../../policy/preflight/check.ts';
import { judgeDnsbl, reversedName } from '../../policy/preflight/dnsbl.ts';
import { judgeEhlo, judgePtr } from '../../policy/preflight/identity.ts';
import { judgeListener } from '../../policy/preflight/listener.ts';

const found = (...values: string[]): Lookup => ({ kind: 'found', values });
const none: Lookup = { kind: 'none' };
const silent: Lookup = { kind: 'failed', why: 'ETIMEOUT' };
const told = ({ verdict, says }: Check) => `${verdict}: ${says}`;
const IP = '198.51.100.9';

describe('names', () => {
  const names = {
    address: IP,
    ehloName: 'mta-2.example.com',
    ptr: found('mta-2.example.com'),
    forward: { 'mta-2.example.com': found(IP) } as Record<string, Lookup>,
  };

  test('a PTR that leads back, and the same name in EHLO, pass', () => {
    assert.equal(told(judgePtr(names)), 'pass: mta-2.example.com and back');
    assert.equal(told(judgeEhlo(names)), 'pass: mta-2.example.com leads to it');
    assert.equal(judgePtr({ ...names, ptr: found('MTA-2.Example.com.') }).verdict, 'pass');
  });

  test('none, one that leads elsewhere, or nowhere, fail and say what to add', () => {
    assert.match(judgePtr({ ...names, ptr: none }).todo ?? '', /set its PTR to mta-2\.example\.com/);
    const elsewhere = judgePtr({ ...names, forward: { 'mta-2.example.com': found('192.0.2.1') } });
    assert.equal(told(elsewhere), 'fail: its PTR does not lead back to it: mta-2.example.com (192.0.2.1)');
    assert.match(told(judgePtr({ ...names, forward: { 'mta-2.example.com': none } })), /^fail: .*\(no address\)/);
    assert.match(told(judgeEhlo({ ...names, forward: { 'mta-2.example.com': none } })), /^fail: .* has no address/);
    assert.match(
      told(judgeEhlo({ ...names, forward: { 'mta-2.example.com': found('192.0.2.1') } })),
      /^fail: .* leads to 192\.0\.2\.1/,
    );
  });

  test('several, a generic one, and another name in EHLO warn', () => {
    const other = { ...names.forward, 'other.example': none };
    assert.equal(
      judgePtr({ ...names, ptr: found('mta-2.example.com', 'other.example'), forward: other }).verdict,
      'warn',
    );
    const generic = 'ip-198-51-100-9.isp.example';
    assert.match(
      told(judgePtr({ ...names, ptr: found(generic), forward: { [generic]: found(IP) } })),
      /^warn: .*dialup/,
    );
    assert.equal(judgeEhlo({ ...names, ptr: found('other.example') }).verdict, 'warn');
  });

  test('DNS that does not answer is no missing record', () => {
    for (const check of [
      judgePtr({ ...names, ptr: silent }),
      judgePtr({ ...names, forward: { 'mta-2.example.com': silent } }),
      judgeEhlo({ ...names, forward: { 'mta-2.example.com': silent } }),
    ])
      assert.equal(told(check), 'fail: DNS did not answer: ETIMEOUT');
  });
});

describe('DNS lists', () => {
  const list = { zone: 'zen.spamhaus.org', listed: 'fail' } as const;
  const works = { address: IP, list, entry: none, mustBe: found('127.0.0.2'), mustNotBe: none };

  test('the reversed address is asked for', () => {
    assert.equal(reversedName(IP, list.zone), '9.100.51.198.zen.spamhaus.org');
  });

  test('not listed passes, listed fails or warns as the list says', () => {
    assert.equal(told(judgeDnsbl(works)), 'pass: not listed');
    assert.equal(told(judgeDnsbl({ ...works, entry: found('127.0.0.3') })), 'fail: listed (127.0.0.3, SBL CSS)');
    const mild = { ...works, list: { zone: 'bl.spamcop.net', listed: 'warn' as const }, entry: found('127.0.0.2') };
    assert.equal(told(judgeDnsbl(mild)), 'warn: listed (127.0.0.2)');
    assert.match(judgeDnsbl({ ...works, entry: found('127.0.0.10') }).todo ?? '', /check\.spamhaus\.org, as its owner/);
  });

  test('a refusal is said as what it is, and never as a listing', () => {
    for (const code of ['127.255.255.252', '127.255.255.254', '127.255.255.255']) {
      for (const where of ['entry', 'mustBe', 'mustNotBe'] as const) {
        assert.match(
          told(judgeDnsbl({ ...works, [where]: found(code) })),
          /^warn: your resolver is refused .*no listing/,
        );
      }
    }
  });

  test('a list that does not list 127.0.0.2, or lists 127.0.0.1, or is silent, says nothing about anybody', () => {
    const listed = { ...works, entry: found('127.0.0.2') };
    assert.match(told(judgeDnsbl({ ...listed, mustBe: none })), /^warn: .*127\.0\.0\.2 is not listed/);
    assert.match(told(judgeDnsbl({ ...listed, mustNotBe: found('127.0.0.2') })), /^warn: .*it lists 127\.0\.0\.1/);
    assert.match(told(judgeDnsbl({ ...works, entry: silent })), /^warn: the list did not answer: ETIMEOUT/);
    assert.match(told(judgeDnsbl({ ...works, mustBe: silent })), /^warn: the list did not answer/);
  });

  test('an answer outside 127.0.0.0/8 is of somebody who rewrites DNS', () => {
    assert.match(told(judgeDnsbl({ ...works, entry: found('192.0.2.80') })), /^warn: .*RFC 5782 §2\.1/);
  });
});

describe('authentication', () => {
  const spf = { address: IP, domain: 'example.com', comment: 'why', record: 'v=spf1 ip4:198.51.100.8/29 -all' };
  test('SPF: each result of check_host()', () => {
    const verdicts = (['pass', 'none', 'neutral', 'softfail', 'fail', 'permerror', 'temperror'] as const).map(
      (result) => judgeSpf({ ...spf, result }).verdict,
    );
    assert.deepEqual(verdicts, ['pass', ...Array(6).fill('fail')]);
    assert.match(judgeSpf({ ...spf, result: 'softfail' }).todo ?? '', /add ip4:198\.51\.100\.9/);
    assert.equal(judgeSpf({ ...spf, result: 'pass', record: 'v=spf1 +all' }).verdict, 'warn');
    assert.equal(judgeSpf({ ...spf, result: 'pass', record: 'v=spf1 a -all' }).verdict, 'pass');
  });

  const key = { selector: 's1', state: 'active', problem: null } as const;
  test('DKIM: what signs must be in DNS', () => {
    const of = (...keys: Parameters<typeof judgeDkim>[0]['keys'][number][]) =>
      judgeDkim({ domain: 'example.com', keys });
    assert.equal(told(of(key)), 'pass: s1 in DNS as it signs');
    assert.match(of().todo ?? '', /rampart dkim add example\.com/);
    assert.equal(of({ ...key, state: 'retired' }).verdict, 'fail');
    assert.match(
      told(of({ ...key, problem: 'the record has another public key' })),
      /^fail: key s1 signs, and the record has/,
    );
    assert.equal(of({ ...key, state: 'published' }).verdict, 'warn');
    assert.equal(of({ ...key, state: 'published', problem: 'there is no TXT record yet' }).verdict, 'fail');
    assert.equal(
      of(key, { ...key, selector: 's2', state: 'published', problem: 'there is no TXT record yet' }).verdict,
      'pass',
    );
    assert.match(told(of({ ...key, failed: 'ETIMEOUT' })), /^fail: DNS did not answer/);
  });

  test('DMARC: a record, and one identifier that aligns', () => {
    const of = (over: object) =>
      judgeDmarc({ domain: 'example.com', policy: 'none', aligned: { dkim: true, spf: true }, ...over });
    assert.equal(told(of({})), 'pass: p=none, aligned by DKIM and SPF');
    assert.equal(told(of({ aligned: { dkim: false, spf: true } })), 'pass: p=none, aligned by SPF');
    assert.match(told(of({ aligned: { dkim: false, spf: false } })), /^fail: p=none, and neither/);
    assert.match(of({ policy: null }).todo ?? '', /_dmarc\.example\.com/);
    assert.match(told(of({ failed: 'ESERVFAIL' })), /^fail: DNS did not answer: ESERVFAIL/);
  });
});

test('a certificate: usable, valid now, for the listener, served, and not about to end', () => {
  const now = Date.UTC(2030, 0, 1);
  const day = 86_400_000;
  const of = (over: object) =>
    judgeListener({
      ...{ at: '0.0.0.0:465', name: 'mta.example.com', problem: null, notBefore: now - day, notAfter: now + 60 * day },
      ...{ covers: true, serves: 'same' as const, now },
      ...over,
    });
  assert.equal(told(of({})), 'pass: certificate for mta.example.com until 2030-03-02');
  assert.match(told(of({ problem: 'key values mismatch' })), /^fail/);
  assert.match(told(of({ notAfter: now - 1 })), /^fail: its certificate ended on 2029-12-31/);
  assert.match(told(of({ notBefore: now + day })), /^fail: its certificate begins on 2030-01-02/);
  assert.match(told(of({ notAfter: now + 13 * day })), /^warn: its certificate ends on 2030-01-14/);
  assert.match(told(of({ covers: false })), /^warn: its certificate is not for mta/);
  assert.match(told(of({ serves: 'other' })), /^warn: it serves another/);
  assert.match(told(of({ serves: 'nothing' })), /^pass: .*it does not run/);
});

test('skipped checks stay in the report with the reason; what passes is no exception', () => {
  const checks = [pass('bind', 'a', 'fine'), fail('spf', 'a', 'none', 'publish'), warn('dkim', 'a', 'soon', 'wait')];
  const after = skip(checks, ['bind', 'spf'], 'next week');
  assert.deepEqual(after.map(told), ['pass: fine', 'skipped: none (skipped: next week)', 'warn: soon']);
  assert.equal(summaryText(after), '1 pass, 1 warn (dkim), 1 skipped (spf)');
  assert.equal(summaryText([...checks, ...checks]), '2 pass, 2 warn (dkim), 2 fail (spf)');
  assert.equal(summaryText(null), '0 pass');
});

test('an address nobody outside sees warns of its names, and fails where it can not be bound', () => {
  const after = forUnseen([fail('bind', 'a', 'no', 'do'), fail('ptr', 'a', 'no', 'do'), pass('ehlo', 'a', 'yes')]);
  assert.deepEqual(
    after.map(({ verdict }) => verdict),
    ['fail', 'warn', 'pass'],
  );
});
