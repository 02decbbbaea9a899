import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { envelopeKey, normalRecipient, recipientKey } from '../../store/recipient-key.ts';

test('one recipient, however it is written', () => {
  for (const written of ['Anna@Example.COM', ' <anna@example.com> ', 'anna@example.com.', 'ANNA@EXAMPLE.com']) {
    assert.equal(normalRecipient(written), 'anna@example.com', written);
  }
  assert.equal(normalRecipient('Jörg@MÜNCHEN.example'), 'jörg@xn--mnchen-3ya.example');
  assert.equal(normalRecipient('Jörg@xn--mnchen-3ya.example'), normalRecipient('jörg@münchen.example'));
  assert.equal(normalRecipient('a@[192.0.2.1]'), 'a@[192.0.2.1]');
  assert.equal(normalRecipient('"a b"@x.example'), '"a b"@x.example');
  assert.equal(normalRecipient('"a\\ b"@x.example'), '"a b"@x.example');
  for (const quoted of ['"anna"@example.com', '"An\\na"@example.com', '<"ANNA"@example.com.>'])
    assert.equal(normalRecipient(quoted), 'anna@example.com', quoted);
  for (const none of ['', 'a', '@x.example', 'a@', 'a b@x.example', 'a@b c', 'a\n@x.example', 'x'.repeat(400)]) {
    assert.equal(normalRecipient(none), undefined, none);
  }
});

test('the hash is the one others can compute', () => {
  // printf %s anna@example.com | sha256sum
  const known = 'f7d54c22dda5b1780276601cd005909b70543fc4a6ba72d735b4cb9bbb611f01';
  assert.equal(recipientKey('anna@example.com').toString('hex'), known);
  assert.deepEqual(envelopeKey('ANNA@example.com'), recipientKey('anna@example.com'));
});

const quoted = fc
  .string({ unit: fc.constantFrom('"', '\\', 'a', 'B', ' ', '@', '<', '.') })
  .map((text) => `"${text}"@x.example`);

test('normalising twice changes nothing, and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.emailAddress(), fc.string(), fc.string({ unit: 'grapheme' }), quoted), (address) => {
      const once = normalRecipient(address);
      if (once !== undefined) assert.equal(normalRecipient(once), once);
      assert.equal(envelopeKey(address).length, 32);
    }),
  );
});
