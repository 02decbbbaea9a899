/**
 * Chance without order. Every decision of the lab is drawn from hash(seed, what it is about), never from a sequence: then
 * the same scenario gives the same world although connections race each other differently in every run.
 */

/** A number in [0, 1) that depends on the seed and the key alone. */
export function draw(seed: number, ...key: readonly (string | number)[]): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (const char of key.join('\u0000')) {
    h = Math.imul(h ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  // FNV alone leaves neighbouring keys ("user-1", "user-2") close together: murmur3's finalizer spreads them.
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}

/** True for `share` (0..1) of all keys, always for the same ones. */
export function chance(share: number, seed: number, ...key: readonly (string | number)[]): boolean {
  return draw(seed, ...key) < share;
}

/** One of `choices` ([value, weight]), always the same for a key. Throws a RangeError if there are none. */
export function pick<T>(choices: readonly (readonly [T, number])[], at: number): T {
  const total = choices.reduce((sum, [, weight]) => sum + weight, 0);
  let rest = at * total;
  for (const [value, weight] of choices) {
    rest -= weight;
    if (rest < 0) return value;
  }
  const last = choices.at(-1);
  if (!last) throw new RangeError('nothing to pick from');
  return last[0];
}
