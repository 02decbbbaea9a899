import assert from 'node:assert/strict';
import { test } from 'node:test';
import { providerIncidents, type WarmLaneTrouble } from '../../policy/provider-incident.ts';

const lane = (pool: string, address: string, failed: number, attempts = 10, provider = 'google'): WarmLaneTrouble => ({
  pool,
  address,
  provider,
  attempts,
  failed,
});
const found = (...lanes: WarmLaneTrouble[]) => providerIncidents(lanes).map((one) => one.provider);

test('most warm lanes of at least two pools must fail', () => {
  assert.deepEqual(found(lane('a', '1', 10), lane('b', '2', 5)), ['google']);
  assert.deepEqual(found(lane('a', '1', 10), lane('b', '2', 4)), [], 'one pool fails, the other does not');
  assert.deepEqual(
    found(lane('a', '1', 10), lane('a', '2', 10), lane('b', '3', 0)),
    [],
    'pool a alone is not unrelated',
  );
  assert.deepEqual(
    found(lane('a', '1', 10), lane('b', '2', 10), lane('c', '3', 0), lane('c', '4', 0)),
    [],
    'half is not most',
  );
});

test('with one pool two addresses must agree; lanes that tried little say nothing', () => {
  assert.deepEqual(found(lane('a', '1', 10), lane('a', '2', 10)), ['google']);
  assert.deepEqual(found(lane('a', '1', 10)), []);
  assert.deepEqual(found(lane('a', '1', 10), lane('a', '2', 4, 4)), []);
});

test('providers are judged apart', () => {
  const yahoo = [lane('a', '1', 0, 10, 'yahoo'), lane('b', '2', 0, 10, 'yahoo')];
  assert.deepEqual(found(lane('a', '1', 10), lane('b', '2', 10), ...yahoo), ['google']);
});
