import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { expandRange, isPublic, isRange } from '../../policy/ranges/expand.ts';

const WRITTEN: readonly [string, readonly string[]][] = [
  ['198.51.100.9', ['198.51.100.9']],
  ['198.51.100.8/30', ['198.51.100.8', '198.51.100.9', '198.51.100.10', '198.51.100.11']],
  ['198.51.100.254-198.51.101.1', ['198.51.100.254', '198.51.100.255', '198.51.101.0', '198.51.101.1']],
  ['198.51.100.8-10', ['198.51.100.8', '198.51.100.9', '198.51.100.10']],
  ['198.51.100.9, 203.0.113.0/31', ['198.51.100.9', '203.0.113.0', '203.0.113.1']],
  ['198.51.100.9/32', ['198.51.100.9']],
  ['2001:DB8:0:0::1', ['2001:db8::1']],
  ['2001:db8::fffe-2001:db8::1:1', ['2001:db8::fffe', '2001:db8::ffff', '2001:db8::1:0', '2001:db8::1:1']],
  ['2001:db8::4/127', ['2001:db8::4', '2001:db8::5']],
];

for (const [written, expected] of WRITTEN) {
  test(`${written} is ${expected.join(' ')}`, () => {
    const { addresses, problems } = expandRange(written);
    assert.deepEqual([addresses, problems], [expected, []]);
  });
}

const WRONG: readonly [string, RegExp][] = [
  ['', /no address is named/],
  ['198.51.100', /is no IP address/],
  ['198.51.100.08', /is no IP address/],
  ['198.51.100.256', /is no IP address/],
  ['mta.example.com', /is no IP address/],
  ['198.51.100.9/29', /begins inside a block: write 198\.51\.100\.8\/29, or 198\.51\.100\.9 alone/],
  ['198.51.100.8/33', /is no block/],
  ['198.51.100.8/x', /is no block/],
  ['198.51.100.8/29/2', /is no block: write an address and a length of at most 32/],
  ['198.51.100.15-198.51.100.8', /ends before it begins: write 198\.51\.100\.8-198\.51\.100\.15/],
  ['198.51.100.8-2001:db8::1', /is no range/],
  ['198.51.0.0/16', /has 65536 addresses, at most 256/],
  ['2001:db8::/32', /has 79228162514264337593543950336 addresses, at most 256/],
  ['198.51.100.8/30,198.51.100.9', /named twice: 198\.51\.100\.9/],
];

for (const [written, expected] of WRONG) {
  test(`"${written}" is refused with the way out`, () => {
    assert.match(expandRange(written).problems.join('; '), expected);
  });
}

test('every problem is told, not the first one alone', () => {
  assert.equal(expandRange('a, 198.51.100.9/29, 198.51.100.1-0').problems.length, 3);
});

test('network and broadcast addresses are allowed, and said', () => {
  assert.match(
    expandRange('198.51.100.8/29').notes.join(),
    /198\.51\.100\.8 and 198\.51\.100\.15 are network and broadcast/,
  );
  assert.deepEqual(expandRange('198.51.100.8/31').notes, []);
  assert.deepEqual(expandRange('198.51.100.8-198.51.100.15').notes, []);
});

test('a block has as many different addresses as its prefix says, all of them inside it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 24, max: 32 }), (at, prefix) => {
      const size = 2 ** (32 - prefix);
      const first = Math.floor(at / size) * size;
      const text = (value: number) => [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join('.');
      const { addresses, problems } = expandRange(`${text(first)}/${prefix}`);
      assert.deepEqual(problems, []);
      assert.deepEqual(
        addresses,
        Array.from({ length: size }, (_, n) => text(first + n)),
      );
    }),
  );
});

test('whatever is written, the answer is addresses or a problem, never both wrong', () => {
  const part = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ maxLength: 12 }), fc.stringMatching(/^[0-9./:-]{1,20}$/));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 3 }), (parts) => {
      const { addresses, problems } = expandRange(parts.join(','));
      assert.ok(addresses.every((address) => isIP(address) !== 0));
      assert.ok(problems.length > 0 || addresses.length > 0);
      assert.ok(problems.length > 0 || addresses.length <= 256);
    }),
  );
});

test('one address alone is no range, and a name is none either', () => {
  const one = ['198.51.100.9', ' 198.51.100.9 ', '2001:db8::1', 'mta-1', 'x'];
  const many = ['198.51.100.8/29', '198.51.100.8-9', '198.51.100.8,198.51.100.9', '2001:db8::1-2001:db8::2'];
  assert.deepEqual([one.filter(isRange), many.filter((written) => !isRange(written))], [[], []]);
});

test('addresses nobody else can see are told apart', () => {
  const seen = ['198.51.100.8', '172.32.0.1', '100.128.0.1', '2001:db8::1', '11.0.0.1'];
  const unseen = [
    '127.10.0.8',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.1.1',
    '::1',
    'fd00::1',
    'fe80::1',
  ];
  assert.deepEqual([seen.filter((ip) => !isPublic(ip)), unseen.filter(isPublic)], [[], []]);
});
