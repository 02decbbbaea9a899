import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseTargets, TargetError, targets } from '../../policy/targets.ts';

const chooses = (words: string[], address: string, pool = 'marketing') =>
  parseTargets(words).some((target) => targets(target, address, pool));

test('addresses, prefixes, spans and pools choose what they name', () => {
  for (const [word, inside, outside] of [
    ['198.51.100.8', ['198.51.100.8'], ['198.51.100.9', '2001:db8::8']],
    ['198.51.100.8/29', ['198.51.100.8', '198.51.100.15'], ['198.51.100.7', '198.51.100.16']],
    ['0.0.0.0/0', ['198.51.100.8'], ['2001:db8::8']],
    ['198.51.100.8-198.51.101.1', ['198.51.100.255', '198.51.101.1'], ['198.51.101.2']],
    ['198.51.100.8-11', ['198.51.100.11'], ['198.51.100.12']],
    ['2001:db8::8', ['2001:db8:0:0:0:0:0:8'], ['2001:db8::9']],
    ['2001:db8::/64', ['2001:db8::ffff:0:0:1'], ['2001:db8:0:1::']],
    ['pool:marketing', ['198.51.100.8'], []],
    ['pool:other', [], ['198.51.100.8']],
    ['198.51.100.8,198.51.100.10', ['198.51.100.10'], ['198.51.100.9']],
  ] as const) {
    for (const address of inside) assert.ok(chooses([word], address), `${word} ${address}`);
    for (const address of outside) assert.ok(!chooses([word], address), `${word} ${address}`);
  }
});

test('what is no target is refused with what to write', () => {
  for (const [word, says] of [
    ['host', /write 198\.51\.100\.8, /],
    ['198.51.100', /no address, range or pool/],
    ['198.51.100.256', /no address/],
    ['198.51.100.08', /no address/],
    ['198.51.100.8/33', /at most 32/],
    ['198.51.100.8/x', /at most 32/],
    ['198.51.100.8/29/2', /at most 32/],
    ['198.51.100.9/29', /begins inside a block: write 198\.51\.100\.8\/29, or 198\.51\.100\.9 alone/],
    ['2001:db8::1/64', /begins inside a block: write 2001:db8::\/64, or 2001:db8::1 alone/],
    ['2001:db8::/129', /at most 128/],
    ['198.51.100.8-2', /ends before it begins: write 198\.51\.100\.2-198\.51\.100\.8$/],
    ['198.51.100.8-300', /no range/],
    ['pool:', /names no pool/],
    ['1::2::3', /no address/],
    [':::', /no address/],
  ] as const) {
    assert.throws(
      () => parseTargets([word]),
      (error) => error instanceof TargetError && says.test(error.message),
      word,
    );
  }
  assert.deepEqual(parseTargets([' ', ',']), []);
});

test('a prefix chooses exactly the addresses that share its bits', () => {
  const value = (text: string) => text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const text = (number: number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.');
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: 1, max: 32 }),
      fc.nat(),
      (base, length, other) => {
        const size = 2 ** (32 - length);
        const from = base - (base % size);
        const near = (from + (other % (2 * size)) - (other % 2) * size + 2 ** 32) % 2 ** 32;
        assert.equal(chooses([`${text(from)}/${length}`], text(near)), near >= from && near < from + size);
        assert.equal(value(text(near)), near);
      },
    ),
  );
});
