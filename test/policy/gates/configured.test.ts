import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfiguredGates, gatesOfPool, withGates } from '../../../policy/gates/configured.ts';
import { GATED, type GateOptions, gateProblems, gatesOf } from '../../../policy/gates/settings.ts';
import { PRESETS, planNamed } from '../../../policy/plan.ts';

const configured: ConfiguredGates = {
  consecutiveGood: 2,
  metrics: { complaint: { action: 'pause' }, deferral: { harmful: 0.2 } },
  providers: { yahoo: { metrics: { complaint: { action: 'quarantine' } } } },
  pools: { marketing: { metrics: { complaint: { dryRun: true } }, providers: { yahoo: { consecutiveGood: 4 } } } },
};
const plan = planNamed('six-week', { targets: { default: 10_000 } });
const of = (gates: GateOptions | undefined, provider?: string) => {
  const { metrics, consecutiveGood } = gatesOf(gates, provider);
  const { action, dryRun } = metrics.complaint;
  return `${action}${dryRun ? ' dry' : ''} ${consecutiveGood}`;
};

test('every shipped plan has the configured gates; without any it has the shipped ones and says nothing', () => {
  for (const { name } of PRESETS) {
    const drawn = planNamed(name, { targets: { default: 10_000 } });
    assert.equal(of(withGates(drawn, configured).gates), 'pause 2', name);
    assert.equal(withGates(drawn, {}).gates, undefined);
    assert.deepEqual(withGates(drawn, undefined), drawn);
  }
});

test("the nearer word counts: a provider's before all, a pool's before all pools, a plan's own before both", () => {
  assert.equal(of(gatesOfPool(configured)), 'pause 2');
  assert.equal(of(gatesOfPool(configured), 'yahoo'), 'quarantine 2');
  assert.equal(of(gatesOfPool(configured, 'marketing')), 'pause dry 2');
  assert.equal(of(gatesOfPool(configured, 'marketing'), 'yahoo'), 'quarantine dry 4');
  assert.equal(of(gatesOfPool(configured, 'other')), 'pause 2');
  const own = { ...plan, gates: { metrics: { complaint: { action: 'hold' as const } } } };
  assert.equal(of(withGates(own, configured, 'marketing').gates), 'hold dry 2');
  assert.equal(of(withGates(own, configured, 'marketing').gates, 'yahoo'), 'hold dry 4');
  assert.equal(gatesOf(withGates(own, configured).gates).levels.deferral.harmful, 0.2, 'what it does not set stays');
});

test('a provider without gates of its own, and one called like a part of an object, have those of all', () => {
  for (const provider of ['google', 'constructor', 'toString'])
    assert.deepEqual(gatesOf(gatesOfPool(configured), provider), gatesOf(gatesOfPool(configured)));
});

test('what is wrong is said once, with the provider where it is only there', () => {
  assert.deepEqual(gateProblems(gatesOfPool(configured) ?? {}), []);
  const levels = (harmful: number): GateOptions => ({ metrics: { block: { harmful } } });
  assert.deepEqual(gateProblems({ ...levels(0.0001), providers: { yahoo: {} } }), [
    'block: fine 0.001 and harmful 0.0001 must be rates, the second larger than the first',
  ]);
  assert.deepEqual(gateProblems({ providers: { yahoo: levels(0.0001) } }), [
    'yahoo: block: fine 0.001 and harmful 0.0001 must be rates, the second larger than the first',
  ]);
  assert.equal(GATED.length, 6);
});
