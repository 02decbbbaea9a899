import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, test } from 'node:test';
import { worldJsonSchema } from '../../judge/world.ts';
import { openFolder, rampart, smallConfig, writeConfig } from './command-line.ts';

const folder = await openFolder();
after(() => rm(folder, { recursive: true, force: true }));

const SHORT = ['--plan', 'geometric', '--target', '2000', '--days', '8', '--runs', '6'];

async function worldFile(name: string, world: unknown): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, typeof world === 'string' ? world : JSON.stringify(world));
  return file;
}

test('a world of one’s own is played: what goes wrong in it is stopped, and the answer says when', async () => {
  const file = await worldFile('blocked.json', {
    name: 'blocked',
    lanes: [{ provider: 'google' }, { provider: 'yahoo' }],
    events: [{ metric: 'block', rate: 0.3, fromDay: 5 }],
  });
  const { code, stdout } = await rampart(['simulate', ...SHORT, '--world', file, '--json']);
  assert.equal(code, 0);
  const answer = JSON.parse(stdout);
  assert.equal(answer.world, 'blocked');
  assert.equal(answer.runs, 6);
  assert.equal(answer.harm.fromDay, 5);
  assert.equal(answer.harm.missed, 0);
  assert.ok(answer.harm.delayHours.median >= 1 && answer.harm.delayHours.median < 48);
  assert.ok(answer.mail.sent > 0 && answer.mail.block > 0);
});

test('a healthy ramp ends, a seed repeats it, and people get a table', async () => {
  const file = await worldFile('calm.json', { name: 'calm', cv: 0, lanes: [{ provider: 'google' }] });
  const once = await rampart(['simulate', ...SHORT, '--world', file, '--seed', '7']);
  const again = await rampart(['simulate', ...SHORT, '--world', file, '--seed', '7']);
  assert.equal(once.code, 0);
  assert.equal(once.stdout, again.stdout);
  assert.match(once.stdout, /^length {7}\d+ days \(95%: \d+\) where 8 are planned/m);
  assert.match(once.stdout, /^false stops {2}0\.0% of ramps/m);
});

test('configured gates are those of each provider, and of a pool where one is named', async () => {
  const gates = {
    metrics: { block: { action: 'pause' } },
    providers: { yahoo: { metrics: { block: { dryRun: true } } } },
    pools: { marketing: { metrics: { block: { action: 'observe' } } } },
  };
  const config = await writeConfig(folder, { ...smallConfig(), gates }, 'gates.ts');
  const file = await worldFile('refused.json', {
    name: 'refused',
    lanes: [{ provider: 'google' }, { provider: 'yahoo' }],
    events: [{ metric: 'block', rate: 0.3, fromDay: 3, lanes: ['yahoo'] }],
  });
  const play = async (...args: string[]) => {
    const ran = await rampart(['simulate', ...SHORT, '--world', file, '--json', ...args]);
    assert.equal(ran.code, 0, ran.stderr);
    return JSON.parse(ran.stdout);
  };
  assert.equal((await play()).harm.missed, 0, 'as shipped it is stopped');
  const own = await play('--config', config);
  assert.deepEqual([own.harm.missed, own.stops['lane: block']], [1, undefined], 'nothing acts at yahoo, where it is');
  assert.deepEqual((await play('--config', config, '--pool', 'marketing')).stops, {});
  const nowhere = await rampart(['simulate', ...SHORT, '--config', config, '--pool', 'marketnig']);
  assert.deepEqual([nowhere.code, /did you mean marketing\?/.test(nowhere.stderr)], [2, true], nowhere.stderr);
});

const MISTAKES: readonly (readonly [string[], RegExp])[] = [
  [['--world', 'helthy'], /no world is called "helthy": choose one of healthy, .*did you mean healthy/],
  [['--world', './nowhere.json'], /cannot read the world \.\/nowhere\.json: ENOENT/],
  [['--runs', '0'], /--runs is "0": give a whole number from 1/],
  [['--cv', 'much'], /--cv is "much": give a number from 0 to 3/],
  [['--world', './x.json', '--from-day', '3'], /--from-day is for the shipped worlds/],
];
for (const [args, says] of MISTAKES) {
  test(`simulate ${args.join(' ')} says what to do`, async () => {
    const { code, stderr } = await rampart(['simulate', '--plan', 'six-week', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, says);
  });
}

test('a world file that is wrong is told by the line, with the place', async () => {
  const broken = await worldFile('broken.json', '{');
  assert.match((await rampart(['simulate', '--plan', 'six-week', '--world', broken])).stderr, /is not JSON/);
  const wrong = await worldFile('wrong.json', { name: 'w', events: [{ metric: 'spam', fromDay: 1, factor: 2 }] });
  const { code, stderr } = await rampart(['simulate', '--plan', 'six-week', '--world', wrong]);
  assert.equal(code, 2);
  assert.match(stderr, /wrong\.json: events\[0\]\.metric: expected one of complaint, .*found "spam"/);
  const several = await worldFile('several.json', {
    name: 'w',
    cv: -1,
    lanes: [{ provider: 'google' }],
    events: [{ metric: 'block', fromDay: 9, untilDay: 2, factor: 2, lanes: ['gogle'] }],
  });
  const told = (await rampart(['simulate', '--plan', 'six-week', '--world', several])).stderr;
  assert.match(told, /several\.json: cv: expected at least 0, found -1$/m);
  assert.match(told, /several\.json: events\[0\]\.untilDay: must not be before fromDay$/m);
  const nobody = await worldFile('nobody.json', { name: 'w', lanes: [{ provider: 'comcst' }] });
  const refused = await rampart(['simulate', '--plan', 'six-week', '--world', nobody]);
  assert.match(
    refused.stderr,
    /nobody\.json: lanes\[0\]\.provider: no provider is called "comcst": did you mean comcast\?/,
  );
});

test('the schema for editors is the one that is checked', async () => {
  const kept = path.join(import.meta.dirname, '../../docs/world.schema.json');
  assert.deepEqual(JSON.parse(await readFile(kept, 'utf8')), JSON.parse(worldJsonSchema()));
});
