/**
 * `make judge`: judges the shipped gates and leaves bench/out/judgement.json and the tables of docs/judgement-tables.md.
 *
 * Options: --runs N (ramps per cell; default 4000), --tuning N (healthy ramps the rivals are tuned on; default 8000, or
 * twice the runs), --ladders N (default 20000, or five times the runs), --threads N (default 2), --out DIR,
 * --dead-share S (of a dead list; default 0.2: how much hangs on that choice), --docs FILE|none (the tables)
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { judge } from './judgement.ts';
import { tables, targetLines } from './tables.ts';
import { Threads } from './threads.ts';

const root = path.join(import.meta.dirname, '..');
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '4000' },
    tuning: { type: 'string' },
    ladders: { type: 'string' },
    'dead-share': { type: 'string' },
    threads: { type: 'string', default: '2' },
    out: { type: 'string', default: path.join(root, 'bench/out') },
    docs: { type: 'string', default: path.join(root, 'docs/judgement-tables.md') },
  },
});

const count = (name: string, given: string, most: number) => {
  const number = Number(given);
  if (Number.isInteger(number) && number >= 1 && number <= most) return number;
  process.stderr.write(`--${name} is "${given}": give a whole number from 1 to ${most}\n`);
  process.exit(2);
};
const runs = count('runs', values.runs, 1_000_000);
const ladders = values.ladders === undefined ? Math.min(20_000, 5 * runs) : count('ladders', values.ladders, 1_000_000);
const tuning = values.tuning === undefined ? Math.min(8_000, 2 * runs) : count('tuning', values.tuning, 1_000_000);
const dead = values['dead-share'] === undefined ? undefined : Number(values['dead-share']);
if (dead !== undefined && !(dead > 0 && dead < 1)) {
  process.stderr.write(`--dead-share is "${values['dead-share']}": give a share above 0 and below 1\n`);
  process.exit(2);
}
const threads = new Threads(count('threads', values.threads, 64));
const began = Date.now();
try {
  const judgement = await judge(threads, { runs, tuning, ladders, dead }, (line) => {
    process.stdout.write(`${((Date.now() - began) / 1000).toFixed(0).padStart(5)} s  ${line}\n`);
  });
  const out = { took: `${Math.round((Date.now() - began) / 1000)} s`, ...judgement };
  await mkdir(values.out, { recursive: true });
  await writeFile(path.join(values.out, 'judgement.json'), `${JSON.stringify(out, null, 2)}\n`);
  if (values.docs !== 'none') await writeFile(values.docs, tables(judgement));
  process.stdout.write(`${targetLines(judgement).join('\n')}\n`);
} finally {
  await threads.stop();
}
