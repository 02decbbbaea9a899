/**
 * A seeded source of chance, small and fast: sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32. A ramp
 * draws some hundred thousand numbers, and the same seed must give the same ramp on every machine.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Seeds are whole numbers; several name a stream of its own, as (run's seed, ramp's number). */
  constructor(...seed: readonly number[]) {
    let state = 0x9e3779b9;
    for (const part of seed) state = scramble(state ^ (part | 0)) ^ Math.imul(part | 0, 0x85ebca6b);
    this.#a = scramble(state + 0x9e3779b9);
    this.#b = scramble(state + 0x3c6ef372);
    this.#c = scramble(state + 0xdaa66d2b);
    for (let i = 0; i < 12; i++) this.uniform();
  }

  /** In [0, 1), 32 bits of it. */
  uniform(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  }

  /** One that goes on from here on its own: the same numbers, drawn twice. */
  clone(): Random {
    const copy = new Random();
    copy.#a = this.#a;
    copy.#b = this.#b;
    copy.#c = this.#c;
    copy.#counter = this.#counter;
    return copy;
  }
}

/** splitmix32's finalizer. */
function scramble(value: number): number {
  let z = (value + 0x9e3779b9) | 0;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) | 0;
}
