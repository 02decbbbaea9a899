/** `gates` of the configuration: for every plan, by pool and provider, shown and checked. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, test } from 'node:test';
import { openFolder, rampart, smallConfig, writeConfig } from './command-line.ts';

const folder = await openFolder();
after(() => rm(folder, { recursive: true, force: true }));

const GATES = {
  consecutiveGood: 2,
  metrics: { complaint: { action: 'pause', lookbackDays: 14, lagHours: 30 }, deferral: { dryRun: true } },
  providers: { yahoo: { metrics: { block: { harmful: 0.01 } } } },
  pools: { marketing: { metrics: { complaint: { action: 'quarantine' } } } },
};

test('plan show tells the gates a shipped plan will have, in a pool and at a provider', async () => {
  const file = await writeConfig(folder, { ...smallConfig(), gates: GATES }, 'gates.ts');
  const env = { RAMPART_CONFIG: file };
  const all = await rampart(['plan', 'show', 'six-week'], env);
  assert.equal(all.code, 0, all.stderr);
  assert.match(all.stdout, /^gates: 2 good evaluations in a row to advance \*$/m);
  assert.match(all.stdout, /^complaint +pause \* +0\.1% +0\.3% +5\.5 and 4\.5 +14 days \* +30 h \* +0 h$/m);
  assert.match(all.stdout, /^placement +hold +7 days +24 h$/m);
  assert.match(all.stdout, /^deferral +step-back 1, dry run \* +5% +15%/m);
  assert.match(all.stdout, /^block +step-back 1 +0\.1% +0\.5%/m);
  assert.match(all.stdout, /yahoo has gates of its own: --provider yahoo/);
  const one = await rampart(['plan', 'show', 'six-week', '--provider', 'yahoo', '--pool', 'marketing'], env);
  assert.match(one.stdout, /^gates at yahoo: 2 good/m);
  assert.match(one.stdout, /^complaint +quarantine \*/m);
  assert.match(one.stdout, /^block +step-back 1 +0\.1% +1% \*/m);
  const { plan, gates } = JSON.parse((await rampart(['plan', 'show', 'braze-moderate', '--json'], env)).stdout);
  assert.equal(plan.gates.metrics.complaint.action, 'pause');
  assert.deepEqual([gates.consecutiveGood, gates.metrics.deferral.dryRun], [2, true]);
  const unknown = await rampart(['plan', 'show', 'six-week', '--pool', 'nope'], env);
  assert.deepEqual([unknown.code, /no pool of your configuration is called "nope"/.test(unknown.stderr)], [2, true]);
});

const BROKEN: readonly (readonly [string, unknown, RegExp])[] = [
  ['a misspelt metric', { metrics: { complaints: {} } }, /gates\.metrics\.complaints: unknown key/],
  [
    'a misspelt action',
    { metrics: { block: { action: 'stop' } } },
    /gates\.metrics\.block\.action: expected.*found "stop"/,
  ],
  ['a misspelt provider', { providers: { gogle: {} } }, /gates\.providers\.gogle/],
  ['a pool nobody has', { pools: { marketnig: {} } }, /gates\.pools\.marketnig: expected one of marketing/],
  [
    'levels the wrong way',
    { metrics: { block: { fine: 0.1 } } },
    /gates: block: fine 0\.1 and harmful 0\.005 must be rates/,
  ],
  [
    'levels that are wrong in a pool only',
    { metrics: { block: { fine: 0.004 } }, pools: { marketing: { metrics: { block: { harmful: 0.003 } } } } },
    /gates\.pools\.marketing: block: fine 0\.004 and harmful 0\.003/,
  ],
  ['a look back of a day that never was', { metrics: { block: { lookbackDays: 0 } } }, /lookbackDays: expected/],
  ['a look back of months', { metrics: { block: { lookbackDays: 90 } } }, /block: lookbackDays is 90: give 1 to 28/],
  ['reports after months', { metrics: { complaint: { lagHours: 900 } } }, /complaint: lagHours is 900: give 0 to 72/],
  ['levels of seeds', { metrics: { placement: { harmful: 0.3 } } }, /placement: harmful is for metrics that count/],
  ['seeds that step back', { metrics: { placement: { action: 'step-back' } } }, /gates: placement: step-back is more/],
];

for (const [name, gates, expected] of BROKEN) {
  test(`${name} is refused with its place, by a check of the configuration and by whoever draws a plan`, async () => {
    const file = await writeConfig(folder, { ...smallConfig(), gates }, `bad-${name.replaceAll(' ', '-')}.ts`);
    for (const args of [['check'], ['plan', 'show', 'six-week']]) {
      const { code, stdout, stderr } = await rampart(args, { RAMPART_CONFIG: file });
      assert.notEqual(code, 0, args.join(' '));
      assert.match(`${stdout}${stderr}`, expected);
    }
  });
}
