import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { asciiDomain } from '../../store/ascii-domain.ts';
import { timeOrderedUuid } from '../../store/time-ordered-uuid.ts';

test('a domain is what the URL standard makes of it, however short the way there', () => {
  const label = fc.oneof(
    fc.stringMatching(/^[a-z0-9-]{1,8}$/),
    fc.stringMatching(/^[A-Za-z0-9äß_.-]{1,8}$/),
    fc.constantFrom('xn--mnchen-3ya', 'xn--a', '0x7f', '127', '1', 'example', 'com', ''),
  );
  const domain = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
  fc.assert(
    fc.property(domain, (given) => assert.equal(asciiDomain(given), domainToASCII(given))),
    { numRuns: 5_000 },
  );
});

test('ids of later milliseconds are greater, and have the form of RFC 9562', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 47 }), fc.integer({ min: 1, max: 10_000 }), (now, later) => {
      const [first, second] = [timeOrderedUuid(now), timeOrderedUuid(now + later)];
      assert.match(first, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.ok(first < second);
      assert.equal(Number.parseInt(first.replaceAll('-', '').slice(0, 12), 16), now);
    }),
  );
  assert.notEqual(timeOrderedUuid(1), timeOrderedUuid(1));
});
