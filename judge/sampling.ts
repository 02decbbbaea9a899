/**
 * Draws from the distributions a world is made of. Exact methods, chosen for what happens here: almost all means are
 * far below one event an hour (inversion answers with one number), a few are thousands (PTRS, bounded work).
 */
import type { Random } from './random.ts';

/** From this mean on inversion would take longer than PTRS. */
const LARGE_MEAN = 10;

/** Poisson count. Inversion below a mean of 10; PTRS above (W. Hörmann, Insurance: Mathematics and Economics 12, 1993). */
export function poisson(random: Random, mean: number): number {
  if (!(mean > 0)) return 0;
  return mean < LARGE_MEAN ? byInversion(random, mean) : byRejection(random, mean);
}

function byInversion(random: Random, mean: number): number {
  let rest = random.uniform();
  let share = Math.exp(-mean);
  let count = 0;
  while (rest >= share && count < 200) {
    rest -= share;
    count++;
    share *= mean / count;
  }
  return count;
}

function byRejection(random: Random, mean: number): number {
  const logMean = Math.log(mean);
  const b = 0.931 + 2.53 * Math.sqrt(mean);
  const a = -0.059 + 0.02483 * b;
  const inverseAlpha = 1.1239 + 1.1328 / (b - 3.4);
  const squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = random.uniform() - 0.5;
    const v = random.uniform();
    const us = 0.5 - Math.abs(u);
    const count = Math.floor(((2 * a) / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= squeeze) return count;
    if (count < 0 || (us < 0.013 && v > us)) continue;
    const accepted = Math.log((v * inverseAlpha) / (a / (us * us) + b));
    if (accepted <= -mean + count * logMean - logFactorial(count)) return count;
  }
}

/** ln n!, exact to 1e-10: a table, then Stirling's series. */
export function logFactorial(n: number): number {
  const known = LOG_FACTORIAL[n];
  if (known !== undefined) return known;
  const x = n + 1;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x * x * x);
}

const LOG_FACTORIAL: readonly number[] = (() => {
  const table = [0];
  for (let n = 1; n < 64; n++) table.push((table[n - 1] ?? 0) + Math.log(n));
  return table;
})();

/** Standard normal (Marsaglia's polar method; the second number is thrown away, so that a draw has no memory). */
export function normal(random: Random): number {
  for (;;) {
    const x = 2 * random.uniform() - 1;
    const y = 2 * random.uniform() - 1;
    const s = x * x + y * y;
    if (s > 0 && s < 1) return x * Math.sqrt((-2 * Math.log(s)) / s);
  }
}

/** Gamma with this shape and scale 1 (G. Marsaglia and W. W. Tsang, ACM Transactions on Mathematical Software 26, 2000). */
export function gamma(random: Random, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    if (Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Below this no campaign differs in any digit that counts, and the gamma's shape would overflow. */
const LEAST_CV = 1e-6;

/** How much one campaign differs from the mean one: gamma with mean 1 and this coefficient of variation; 1 where it is 0. */
export function campaignFactor(random: Random, cv: number): number {
  if (!(cv > LEAST_CV)) return 1;
  const shape = 1 / (cv * cv);
  return gamma(random, shape) / shape;
}
