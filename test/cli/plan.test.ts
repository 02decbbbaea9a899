import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { bar, chartOf, levelsOf, sparkline } from '../../cli/plan/chart.ts';
import { width } from '../../cli/terminal/style.ts';
import { PRESETS, type Stage } from '../../policy/plan.ts';
import { openFolder, rampart, smallConfig, writeConfig } from './command-line.ts';

const folder = await openFolder();
after(() => rm(folder, { recursive: true, force: true }));
const none = { RAMPART_CONFIG: path.join(folder, 'none.ts') };

const stages = (...ceilings: number[]): Stage[] => ceilings.map((ceiling) => ({ ceiling, segment: 'all' }));

test('a chart has a line a level; bars grow with the ceiling and end at the full width', () => {
  const lines = chartOf(stages(50, 50, 50, 100, 5_000));
  assert.deepEqual(
    lines.map((line) => line.trim().split(/ {2,}/).slice(0, 3)),
    [
      ['stage', 'a day', 'growth'],
      ['1–3', '50', 'all'],
      ['4', '100', '×2.00'],
      ['5', '5,000', '×50.00'],
    ],
  );
  const bars = lines.slice(1).map((line) => width(line.split(' ').at(-1) ?? ''));
  assert.deepEqual(
    [...bars].sort((a, b) => a - b),
    bars,
  );
  assert.equal(bars.at(-1), 32);
  assert.equal(
    levelsOf([...stages(5), { ceiling: 5, segment: '90d' }]).length,
    2,
    'other recipients are another level',
  );
});

test('a plan too long for a line a level has one line of blocks, and a table of its weeks', () => {
  const long = stages(...Array.from({ length: 100 }, (_, index) => 10 + index));
  const [line, , ...rows] = chartOf(long);
  assert.match(line ?? '', /^[▁-█]{72}$/);
  assert.ok(rows.length < 20 && rows.at(-1)?.includes('100'));
  assert.equal(sparkline([0, 0.5, 1, 2, -1]), '▁▅██▁');
  assert.deepEqual([bar(0), bar(0.5, 2), bar(1, 2)], ['▏', '█', '██']);
});

test('plan list names every shipped plan and your own, without a configuration as well', async () => {
  const { code, stdout } = await rampart(['plan', 'list'], none);
  assert.equal(code, 0);
  for (const { name, summary } of PRESETS) assert.ok(stdout.includes(`${name} `) && stdout.includes(summary));
  const mine = { mine: { rows: { default: [50, 100] }, capped: true } };
  const file = await writeConfig(folder, { ...smallConfig(), plans: mine }, 'own.ts');
  const { plans } = JSON.parse((await rampart(['plan', 'list', '--json'], { RAMPART_CONFIG: file })).stdout);
  assert.deepEqual(plans.at(-1), { name: 'mine', summary: 'your own', source: 'your own configuration' });
});

test('plan show has the table, the chart, the source; --json the plan itself', async () => {
  const shown = await rampart(['plan', 'show', 'oracle-7d', '--provider', 'yahoo'], none);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /^source: Oracle Responsys, .*docs\.oracle\.com/m);
  assert.match(shown.stdout, /^yahoo +7 +5,000 +10,000$/m);
  assert.match(shown.stdout, /^ *4–5 +7,500 +×1\.50 +all +█+/m);
  const { plan } = JSON.parse(
    (await rampart(['plan', 'show', 'geometric', '--start', '100', '--target', '400', '--growth', '2', '--json'], none))
      .stdout,
  );
  assert.deepEqual(
    plan.rows.default.map(({ ceiling }: Stage) => ceiling),
    [100, 200, 400],
  );
  const capped = await rampart(['plan', 'show', 'braze-moderate', '--target', '500', '--cap', '--json'], none);
  assert.deepEqual(
    JSON.parse(capped.stdout).plan.rows.default.map(({ ceiling }: Stage) => ceiling),
    [50, 100, 200, 400, 500],
  );
});

test('plan check names row and stage, and ends with 1 when a ramp could not follow the plan as it is', async () => {
  assert.equal((await rampart(['plan', 'check', 'six-week'], none)).code, 0);
  const braze = await rampart(['plan', 'check', 'braze-moderate'], none);
  assert.equal(braze.code, 1);
  assert.match(braze.stdout, /default: stage 3 grows from 100 to 500 a day \(×5, at most 200\)/);
  const json = path.join(folder, 'my plan.json');
  await writeFile(json, JSON.stringify({ rows: { default: [50, 40] } }));
  const falling = await rampart(['plan', 'check', json], none);
  assert.deepEqual([falling.code, /default, stage 2: ceiling falls from 50 to 40/.test(falling.stdout)], [1, true]);
  await writeFile(json, JSON.stringify({ target: 900, percent: [5, 10, 20, 40, 70, 100], capped: true }));
  const fine = await rampart(['plan', 'check', json], none);
  assert.deepEqual([fine.code, fine.stdout.split('\n')[0]], [0, 'my-plan is in order: 6 stages']);
  const missing = await rampart(['plan', 'check', path.join(folder, 'not.json')], none);
  assert.deepEqual([missing.code, /there is no file/.test(missing.stderr)], [2, true]);
  const unknown = await rampart(['plan', 'check', 'six-weeks'], none);
  assert.match(unknown.stderr, /no plan is called "six-weeks": choose one of six-week, .*\(did you mean six-week\?\)/);
});

test("the manual's own plans can be followed", async () => {
  const manual = await readFile(path.join(import.meta.dirname, '../../docs/plans.md'), 'utf8');
  const [, example] = /```ts\n([\s\S]*?)```/.exec(manual) ?? [];
  const file = path.join(folder, 'manual.ts');
  await writeFile(file, `export default {${example}};\n`);
  const { code, stdout } = await rampart(['plan', 'check', file], none);
  assert.equal(code, 0, stdout);
  for (const name of ['mine', 'launch', 'gentle'])
    assert.match(stdout, new RegExp(`^${name} is in order: \\d+ stages$`, 'm'));
});

const BROKEN: readonly (readonly [string, unknown, RegExp])[] = [
  ['a misspelt key', { mine: { row: { default: [1] } } }, /plans\.mine\.row: unknown key; did you mean rows\?/],
  [
    'a stage that is none',
    { mine: { rows: { default: [0] } } },
    /plans\.mine\.rows\.default\[0\]: expected at least 1, found 0/,
  ],
  ['no default row', { mine: { rows: { google: [1] } } }, /plans\.mine: no row "default"/],
  [
    'a row that falls',
    { mine: { rows: { default: [9, 8] } } },
    /plans\.mine: default, stage 2: ceiling falls from 9 to 8/,
  ],
  [
    'an unknown provider',
    { mine: { rows: { default: [1], gogle: [2] } } },
    /plans\.mine: no provider is called "gogle"/,
  ],
  [
    'growth over the cap',
    { mine: { rows: { default: [50, 500] } } },
    /plans\.mine: default: stage 2 grows from 50 to 500 a day .*capped: true .*or raise maxGrowth/,
  ],
  [
    'recipients that widen backwards',
    { mine: { rows: { default: [1] }, widenAfter: [3, 2, 1] } },
    /plans\.mine: widenAfter goes back \(3, 2, 1\): recipients widen to 60d, 90d and all in that order/,
  ],
  [
    'a segment that is none',
    { mine: { rows: { default: [{ ceiling: 50, segment: '60' }] } } },
    /plans\.mine\.rows\.default\[0\]\.segment: expected one of engaged-30d, 60d, 90d, all, found "60"; did you mean 60d\?/,
  ],
  ['a shipped name', { 'six-week': { rows: { default: [1] } } }, /plans\.six-week: a shipped plan has this name/],
];

for (const [name, plans, expected] of BROKEN) {
  test(`${name} in the configuration is one line with its path, for check and for the plan commands`, async () => {
    const file = await writeConfig(folder, { ...smallConfig(), plans }, `broken-${name.replaceAll(' ', '-')}.ts`);
    for (const args of [['check'], ['plan', 'list']]) {
      const { code, stderr } = await rampart(args, { RAMPART_CONFIG: file });
      assert.equal(code, 2, stderr);
      assert.match(stderr, expected);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
    }
    assert.equal(
      (await rampart(['plan', 'show', 'six-week'], { RAMPART_CONFIG: file })).code,
      0,
      'a shipped plan needs none of it',
    );
  });
}

const MISTAKES: readonly (readonly [string[], RegExp])[] = [
  [['show', 'six-week', '--start', '0'], /--start is "0": give a whole number above 0/],
  [['show', 'six-week', '--target', 'google=5'], /--target names no default/],
  [
    ['show', 'six-week', '--target', 'gogle=5,default=9'],
    /--target names "gogle", which is no provider: did you mean google\?/,
  ],
  [['check', 'sparkpost', '--share', 'gogle=0.5,default=0.1'], /--share names "gogle", which is no provider/],
  [
    ['show', 'sparkpost', '--share', 'google=0.7,yahoo=0.7,default=0.1'],
    /the shares of google, yahoo come to 1\.4: give parts of an address's mail, together at most 1/,
  ],
  [['show', 'six-week', '--growth', 'fast'], /--growth is "fast": give a factor such as 1\.3/],
  [['show', 'braze-moderate', '--days', '9'], /plan braze-moderate takes no --days/],
  [['show', 'six-week', '--provider', 'gogle'], /no provider is called "gogle": did you mean google\?/],
  [['show', 'six-week', '--advance', 'gate'], /--advance is "gate": choose one of gated, calendar/],
  [['preview', 'six-week'], /say whose mail is to fill it: --pool NAME/],
];

for (const [args, expected] of MISTAKES) {
  test(`"plan ${args.join(' ')}" is refused in one line`, async () => {
    const { code, stderr } = await rampart(['plan', ...args], none);
    assert.equal(code, 2);
    assert.match(stderr, expected);
    assert.equal(stderr.trim().split('\n').length, 1);
  });
}
