import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../judge/random.ts';
import { campaignFactor, gamma, logFactorial, normal, poisson } from '../../judge/sampling.ts';

const DRAWS = 40_000;

function moments(draw: () => number): { mean: number; variance: number } {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < DRAWS; i++) {
    const value = draw();
    sum += value;
    squares += value * value;
  }
  const mean = sum / DRAWS;
  return { mean, variance: squares / DRAWS - mean * mean };
}

/** Five standard errors: the seed is fixed, so this either holds or the sampler is wrong. */
const within = (actual: number, expected: number, deviation: number) =>
  assert.ok(Math.abs(actual - expected) < (5 * deviation) / Math.sqrt(DRAWS), `${actual} is not ${expected}`);

for (const mean of [0.01, 0.7, 9.9, 10.1, 40, 3_000]) {
  test(`Poisson counts of mean ${mean} have that mean and that variance`, () => {
    const random = new Random(1, 2);
    const found = moments(() => poisson(random, mean));
    within(found.mean, mean, Math.sqrt(mean));
    within(found.variance, mean, Math.sqrt(mean + 2 * mean * mean));
  });
}

test('Poisson counts have the probabilities they should, below and above the change of method', () => {
  for (const mean of [3, 15]) {
    const random = new Random(7, mean);
    const counts = new Map<number, number>();
    for (let i = 0; i < DRAWS; i++) {
      const count = poisson(random, mean);
      counts.set(count, (counts.get(count) ?? 0) + 1);
    }
    for (let count = 0; count < 3 * mean; count++) {
      const p = Math.exp(count * Math.log(mean) - mean - logFactorial(count));
      within((counts.get(count) ?? 0) / DRAWS, p, Math.sqrt(p * (1 - p)) + 1e-6);
    }
  }
});

test('no mail, no events', () => {
  const random = new Random(1);
  assert.equal(poisson(random, 0), 0);
  assert.equal(poisson(random, -1), 0);
});

test('logarithms of factorials are right on both sides of the table', () => {
  let exact = 0;
  for (let n = 1; n < 200; n++) {
    exact += Math.log(n);
    assert.ok(Math.abs(logFactorial(n) - exact) < 1e-8, `${n}!`);
  }
});

test('normal and gamma numbers have their moments', () => {
  const random = new Random(3);
  const standard = moments(() => normal(random));
  within(standard.mean, 0, 1);
  within(standard.variance, 1, Math.SQRT2);
  for (const shape of [0.5, 1, 4, 30]) {
    const found = moments(() => gamma(random, shape));
    within(found.mean, shape, Math.sqrt(shape));
    within(found.variance, shape, Math.sqrt(2 * shape * shape + 6 * shape));
  }
});

test('campaigns differ by the coefficient of variation that is asked for', () => {
  const random = new Random(4);
  assert.equal(campaignFactor(random, 0), 1);
  // Its square is 0: the shape would be infinite, and the draw never end.
  assert.equal(campaignFactor(random, 1e-300), 1);
  const { mean, variance } = moments(() => campaignFactor(random, 0.5));
  within(mean, 1, 0.5);
  within(Math.sqrt(variance), 0.5, 0.6);
});

test('the same seed gives the same numbers, another seed others, and a copy goes on by itself', () => {
  const draw = (random: Random) => Array.from({ length: 5 }, () => random.uniform());
  assert.deepEqual(draw(new Random(1, 2)), draw(new Random(1, 2)));
  assert.notDeepEqual(draw(new Random(1, 2)), draw(new Random(2, 1)));
  assert.notDeepEqual(draw(new Random(1, 0)), draw(new Random(1, 1)));
  const random = new Random(5);
  random.uniform();
  const copy = random.clone();
  assert.deepEqual(draw(copy), draw(random));
});
