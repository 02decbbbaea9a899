import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS } from '../../policy/defaults.ts';
import { PROBES_REFUSED, probeUnits, recheckAfter, wayBack } from '../../policy/quarantine.ts';
import { REPLY_RULES } from '../../policy/reply-rules.ts';

test('refusals that a person must have lifted are never looked at again by themselves', () => {
  const fatal = REPLY_RULES.filter((rule) => rule.laneFatal).map((rule) => rule.id);
  assert.ok(fatal.length >= 8);
  const alone = fatal.filter((id) => recheckAfter(`incident:${id}`, 0) !== null);
  assert.ok(alone.length > 0 && alone.every((id) => id.startsWith('google-')), alone.join(', '));
  for (const cause of ['incident:unheard-of', 'operator', 'gate:block']) assert.equal(recheckAfter(cause, 0), null);
});

test('a lane that keeps being refused is left to a person after its tries', () => {
  const waits = Array.from({ length: DEFAULTS.probing.tries + 2 }, (_, failed) => recheckAfter(PROBES_REFUSED, failed));
  assert.deepEqual(
    waits.map((wait) => wait !== null),
    waits.map((_, failed) => failed < DEFAULTS.probing.tries),
  );
});

test('however small a lane is, accepted probes bring it back', () => {
  for (let ceiling = 1; ceiling < 60; ceiling++) {
    const units = probeUnits(ceiling);
    assert.ok(units >= 1 && units <= ceiling);
    const probes = { accepted: units, refused: 0 };
    const out = wayBack({ phase: 'probing', ceiling }, { final: true, paused: [], stop: null, probes });
    assert.equal(out?.event, 'reenter', `${ceiling} a day`);
  }
});
