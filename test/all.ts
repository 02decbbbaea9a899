/**
 * Runs the test files: `test/all.ts`, or `test/all.ts FILE…`. Node's own command line sorts the files by name, and then one
 * core waits for the long ones that happen to come last; here the longest begin first. At the end the files that took
 * long are named with their seconds, for whoever keeps LONG up to date.
 */
import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { makeScratch } from './scratch.ts';

/**
 * Files at a time. The tests start real servers and wait for them half of the time: with more files than cores those waits
 * overlap; with many more they would wait for each other.
 */
const AT_ONCE = 4;

/** Minutes and half minutes, the longest first. A name that is gone costs nothing, one that is missing a few seconds. */
const LONG = [
  'workflows/cutover.test.ts',
  'mta/grants.test.ts',
  'mta/notifications.test.ts',
  'mta/submission.test.ts',
  'mta/arms.test.ts',
  'mta/upstream-tls.test.ts',
  'mta/arms-rollback.test.ts',
  'cli/mail.test.ts',
  'workflows/verbs.test.ts',
  'mta/fast-path.test.ts',
  'activities/cutover.test.ts',
  'mta/inbound.test.ts',
  'mta/clock.test.ts',
  'cli/suppress.test.ts',
  'cli/database-alone.test.ts',
  'mta/elsewhere.test.ts',
  'cli/plan.test.ts',
  'mta/faults.test.ts',
  'mta/answers.test.ts',
  'legacy/engines.test.ts',
  'mta/feedback.test.ts',
  'mta/http.test.ts',
  'cli/up-again.test.ts',
  'lab-run/run.test.ts',
  'cli/ranges.test.ts',
  'mta/http-crash.test.ts',
  'events/kafka.test.ts',
  'workflows/ranges.test.ts',
  'mta/suppression.test.ts',
  'cli/up.test.ts',
  'cli/usage.test.ts',
  'cli/doctor-dkim.test.ts',
  'mta/dane.test.ts',
  'mta/fairness.test.ts',
  'cli/cutover.test.ts',
  'mta/tls.test.ts',
  'mta/smuggling.test.ts',
  'activities/cutover-others.test.ts',
  'events/forwarder.test.ts',
  'workflows/ramp.test.ts',
  'workflows/faults.test.ts',
  'cli/why.test.ts',
  'mta/overflow.test.ts',
];

/** Has the machine for itself, and so a command of its own: its days last seconds and must be sent in full. */
const ALONE = 'demo/ten-days.test.ts';
/** Slow proofs: `make proofs`. */
const PROOFS = 'proofs/';

/**
 * A machine that stands still for seconds can fail a test of a compressed day, whose hours are milliseconds. A few files that
 * failed run once more, alone, and are named either way; what is broken fails again, and more than a few are no accident.
 */
const MOST_AGAIN = 3;

/** Shown at the end. */
const SHOWN_FROM_MS = 15_000;

function inOrder(): string[] {
  const all = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && name !== ALONE && !name.startsWith(PROOFS))
    .sort();
  const first = LONG.filter((name) => all.includes(name));
  return [...first, ...all.filter((name) => !first.includes(name))].map((name) => path.join(import.meta.dirname, name));
}

const named = process.argv.slice(2).map((file) => path.resolve(file));
const scratch = makeScratch();
if (scratch !== undefined) {
  process.env.TMPDIR = scratch;
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
}
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => process.exit(1));
const took: { readonly file: string; readonly ms: number }[] = [];

/** Runs files and shows what they say; returns those in which something failed. */
async function runFiles(files: readonly string[], atOnce: number): Promise<string[]> {
  const failed = new Set<string>();
  const tests = run({ files, concurrency: atOnce, execArgv: ['--disable-warning=ExperimentalWarning'] });
  // A file that ended before it could say anything is known by its name only.
  tests.on('test:fail', ({ file, name }) => failed.add(path.resolve(file ?? name)));
  tests.on('test:summary', ({ file, duration_ms }) => {
    if (file !== undefined) took.push({ file: path.relative(import.meta.dirname, file), ms: duration_ms });
  });
  await finished(tests.compose(spec).on('data', (text) => process.stdout.write(text)));
  return [...failed];
}

let failed = await runFiles(named.length > 0 ? named : inOrder(), AT_ONCE);
const slow = took.filter(({ ms }) => ms >= SHOWN_FROM_MS).sort((a, b) => b.ms - a.ms);
for (const { file, ms } of slow) console.log(`${(ms / 1000).toFixed(0).padStart(4)} s  ${file}`);
if (failed.length > 0 && failed.length <= MOST_AGAIN && named.length === 0) {
  const names = failed.map((file) => path.relative(import.meta.dirname, file)).join(', ');
  console.log(`\nFAILED among others, run again by themselves: ${names}\n`);
  failed = await runFiles(failed, 1);
  if (failed.length === 0) console.log(`\npassed by themselves, failed among others (mend them): ${names}`);
}
process.exitCode = failed.length > 0 ? 1 : 0;
