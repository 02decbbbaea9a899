/** Loaded into a process under test: its wall clock is off by what a file says; its monotonic clock is right. */
import { readFileSync } from 'node:fs';

const file = process.env.RAMPART_TEST_CLOCK;
if (file !== undefined) {
  const real = Date.now;
  const offset = () => Number(readFileSync(file, 'utf8')) || 0;
  const Real = Date;
  const stepped = class extends Real {
    constructor(...given: [] | [number]) {
      if (given.length === 0) super(real() + offset());
      else super(...given);
    }
  };
  stepped.now = () => real() + offset();
  globalThis.Date = stepped as DateConstructor;
}
