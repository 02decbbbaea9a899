import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadInput } from '../../activities/deps.ts';
import { pauseLanes, resumeLanes, startRamp } from '../../activities/ramps.ts';
import { applyVerb } from '../../activities/verbs/apply-verb.ts';
import { windowOf } from '../../policy/calendar.ts';
import { DEFAULTS } from '../../policy/defaults.ts';
import type { LaneVerb } from '../../policy/verbs.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { liveHolds } from '../../store/holds.ts';
import { lanesOf, rampOf } from '../../store/lanes.ts';
import { liveOrders } from '../../store/orders.ts';
import type { VerbCommand } from '../../temporal/contracts.ts';
import {
  by,
  COLD,
  clock,
  day,
  db,
  deps,
  grants,
  HOUR,
  hold,
  lane,
  look,
  mail,
  monday,
  order,
  start,
  told,
  weekdays,
} from './clocked-pool.ts';
import { BLOCKED } from './feeder.ts';

const verb = (name: LaneVerb, over: Partial<VerbCommand> & { address?: string } = {}) =>
  applyVerb(deps, { ...by(), verb: name, provider: 'google', address: COLD, ...over });

const lastOf = async (provider = 'google') => {
  const row = (await decisionsOf(db.store, COLD, provider)).at(-1);
  assert.ok(row);
  return row;
};

test('a held ceiling stays for its time, is told, and then grows again', async () => {
  await start();
  await day();
  const { ceiling } = await lane();
  const result = await verb('hold', { forMs: 36 * HOUR });
  assert.match(result.says, /google stays at \d+ a day until 2030-01-09T12:00Z/);
  assert.deepEqual((await lane()).pauseReasons, ['freeze']);
  assert.deepEqual(await liveHolds(db.store), [], 'it stops no mail');
  await day();
  assert.deepEqual([(await lane()).ceiling, (await lane()).phase], [ceiling, 'holding']);
  assert.match((await lastOf()).reason, /ceiling held by ada until/);
  assert.ok((await lane('yahoo')).ceiling > ceiling, 'the other lane went on');
  await day();
  assert.deepEqual([(await lane()).phase, (await lane()).pauseReasons], ['ramping', []]);
  assert.ok((await lane()).ceiling > ceiling);
});

test('a held ceiling is lifted by a resume that saw it, and by no other', async () => {
  await start();
  await verb('hold');
  await pauseLanes(deps, { ...by(), address: COLD, provider: 'google' });
  assert.deepEqual((await lane()).pauseReasons.toSorted(), ['freeze', 'operator']);
  const holds = (await liveHolds(db.store)).map((one) => one.id);
  await resumeLanes(deps, { ...by(), address: COLD, provider: 'google', holds });
  assert.deepEqual((await lane()).pauseReasons, ['freeze'], 'each reason is lifted on its own');
  const orders = (await liveOrders(db.store, COLD, clock.now)).map((one) => one.id);
  const resumed = await resumeLanes(deps, { ...by(), address: COLD, provider: 'google', holds: [], orders });
  assert.match(resumed.says, /lifted the google lane's freeze/);
  assert.deepEqual((await lane()).pauseReasons, []);
});

test('a step back lowers the running window and the next at once, also under a pause, and once for one operation', async () => {
  await start();
  for (let n = 0; n < 4; n++) await day();
  const before = await lane();
  await pauseLanes(deps, { ...by(), address: COLD, provider: null });
  const command = { ...by(), verb: 'step-back', provider: 'google', address: COLD, steps: 2 } as const;
  const first = await applyVerb(deps, command);
  assert.deepEqual(await applyVerb(deps, command), first);
  const after = await lane();
  assert.deepEqual([after.phase, after.stage], ['stepped-back', before.stage - 2]);
  assert.ok(after.ceiling < before.ceiling && after.evidenceSince === clock.now);
  const granted = await grants();
  assert.equal(granted[windowOf(clock.now, weekdays).index - monday], after.ceiling);
  assert.equal((await lane('yahoo')).stage, before.stage);
  assert.deepEqual([(await lastOf()).kind, (await lastOf()).actor], ['step-back', 'ada']);
});

test('advance takes one stage when the gates pass now, and the day takes no second', async () => {
  await start();
  await day();
  await mail();
  clock.now += 12 * HOUR;
  const before = await lane();
  const result = await verb('advance');
  assert.match(result.says, /google advances: \d+ → \d+ a day from the next window on/);
  const after = await lane();
  assert.equal(after.stage, before.stage + 1);
  assert.equal((await grants())[1], before.ceiling, 'today stays as it was');
  assert.deepEqual([(await lastOf()).actor, (await lastOf()).kind], ['ada', 'advance']);
  assert.match((await lastOf()).reason, /^asked by ada \(test\): /);
  await assert.rejects(
    verb('advance'),
    /does not advance: advanced in this window already$/,
    'no promotion would either',
  );
  await look('final');
  assert.equal((await lane()).stage, after.stage);
  assert.equal((await grants())[2], after.ceiling);
});

test('an advance that does not pass writes nothing and says what is missing and what overrides it', async () => {
  await start();
  await day();
  const before = [await lane(), await told()];
  await assert.rejects(
    verb('advance'),
    (error) =>
      error instanceof BadInput &&
      /does not pass: .* \(\.\/rampart warmup promote .* overrides one step\)/.test(error.message),
  );
  assert.deepEqual([await lane(), await told()], before);
});

test('a promotion takes one step in the day its gates hold, once, and says who', async () => {
  await start();
  await day();
  await verb('promote');
  const before = await lane();
  await day({}, 0.2);
  assert.equal((await lane()).stage, before.stage + 1);
  assert.match((await lastOf()).reason, /^promoted by ada over "volume-limited: .*": test$/);
  assert.equal((await lastOf()).actor, 'ada');
  await day({}, 0.2);
  assert.equal((await lane()).stage, before.stage + 1, 'it was used');
  assert.deepEqual(await liveOrders(db.store, COLD, clock.now), []);
});

test('a promotion that was not needed in its time is over, and one from before a retreat is void', async () => {
  await start();
  await day();
  await verb('promote', { forMs: 6 * HOUR });
  const { stage } = await lane();
  await day({}, 0.2);
  assert.equal((await lane()).stage, stage, 'expired');
  await verb('promote', { forMs: 99 * 24 * HOUR });
  clock.now += HOUR;
  await verb('step-back', { reason: 'a doubt' });
  const lower = (await lane()).stage;
  for (let n = 0; n < DEFAULTS.coolDownEvaluations + 1; n++) await day({}, 0.2);
  assert.deepEqual([(await lane()).stage, (await lane()).phase], [lower, 'holding']);
});

test('complete near the end grows into the normal limit in steps; far from it only by force', async () => {
  await start();
  await assert.rejects(verb('complete'), /is far from its end: 100 a day is 25% of 400.*--force/);
  for (let n = 0; n < 5; n++) await day();
  await verb('complete', { provider: 'yahoo', force: true });
  const from = (await lane('yahoo')).ceiling;
  assert.equal((await lane('yahoo')).phase, 'graduating');
  clock.now = windowOf(clock.now + 48 * HOUR, weekdays).start;
  const ceilings = [from];
  for (let n = 0; n < 14 && (await lane('yahoo')).phase === 'graduating'; n++) {
    await day();
    ceilings.push((await lane('yahoo')).ceiling);
  }
  const { phase, normal } = await lane('yahoo');
  assert.deepEqual([phase, ceilings.at(-1)], ['warm', normal]);
  for (const [n, ceiling] of ceilings.entries())
    assert.ok(n === 0 || ceiling <= Math.ceil(1.25 * (ceilings[n - 1] ?? 0)), ceilings.join(' '));
});

test('an abort ends the ramp and its mail at once, leaves its story, and a start begins another', async () => {
  await start();
  for (let n = 0; n < 2; n++) await day();
  const ramp = await rampOf(db.store, COLD);
  await assert.rejects(verb('abort'), /a ramp ends as a whole/);
  const result = await verb('abort', { provider: null });
  assert.match(
    result.says,
    /google, yahoo: each is planned again and sends nothing\. Its mail goes to warm addresses of marketing/,
  );
  const granted = await grants();
  assert.equal(granted[2], 0);
  for (const one of await lanesOf(db.store, COLD)) assert.deepEqual([one.phase, one.ceiling], ['planned', 0]);
  const ended = await rampOf(db.store, COLD);
  assert.deepEqual([ended?.id, ended?.outcome], [ramp?.id, 'aborted']);
  const { rows } = await db.store.query(`select kind, body from notices where kind like 'ramp-%'`);
  assert.equal(rows[0]?.kind, 'ramp-aborted');
  assert.deepEqual([rows[0].body.days, rows[0].body.lanes.length, rows[0].body.retreats.length], [3, 2, 2]);
  assert.ok(rows[0].body.lanes[0].mail.delivered > 0);
  await day();
  assert.equal((await told()).at(-1), '2 abort 0', 'nothing is decided about it any more');
  await assert.rejects(verb('abort', { provider: null }), /is not warming/);
  await start();
  assert.deepEqual([(await lane()).phase, (await lane()).stage], ['ramping', 0]);
});

test('a verb does what it can on an address and tells the rest; where it can do nothing, nothing is written', async () => {
  await start();
  await day();
  await verb('step-back', { provider: 'yahoo' });
  const result = await verb('promote', { provider: null });
  assert.deepEqual(
    result.lanes?.map((one) => [one.provider, one.done]),
    [
      ['google', true],
      ['yahoo', false],
    ],
  );
  await assert.rejects(verb('promote', { provider: 'yahoo' }), /198\.51\.100\.8: yahoo cools down/);
  await assert.rejects(verb('hold', { provider: 'nope' }), /has no lane for nope/);
  await assert.rejects(verb('hold', { address: '192.0.2.1' }), /not an address of any pool/);
});

test('a refusal that passes by itself is looked at again: probes first, a cool-down next, and then it ramps', async () => {
  await start();
  for (let n = 0; n < 3; n++) await day();
  const before = await lane();
  await hold('incident:google-rate-blocked');
  await look('middle');
  assert.equal((await lane()).phase, 'quarantined');
  const [held] = await liveHolds(db.store);
  assert.equal(held?.until, clock.now + 24 * HOUR);
  await look('final');
  clock.now = windowOf(clock.now, weekdays).end;
  await look('final');
  assert.deepEqual([(await lane()).phase, (await lane()).stage], ['probing', before.stage - 1]);
  clock.now = windowOf(clock.now, weekdays).end;
  const row = (
    await db.store.query('select units, gap_ms from grants where provider = $1 order by window_index desc limit 1', [
      'google',
    ])
  ).rows[0];
  assert.equal(row.units, 0, 'a Saturday sends nothing');
  for (let n = 0; n < 2; n++) await day();
  assert.equal((await lane()).phase, 'probing', 'no mail, no answer');
  const probing = (
    await db.store.query(
      'select units, gap_ms as gap from grants where provider = $1 order by window_index desc limit 1',
      ['google'],
    )
  ).rows[0];
  assert.deepEqual([probing.units, probing.gap], [DEFAULTS.probing.units, 60_000]);
  await day();
  assert.deepEqual([(await lane()).phase, (await lane()).pauseReasons], ['stepped-back', []]);
  for (let n = 0; n < DEFAULTS.coolDownEvaluations; n++) await day();
  assert.equal((await lane()).phase, 'ramping');
  await day();
  assert.equal((await lane()).stage, before.stage, 'and then a stage a day');
});

test('probes that are refused send it back, each time for a day, and after some tries for good', async () => {
  await start();
  await day();
  await hold('incident:google-rate-blocked');
  await look('middle');
  const story: string[] = [];
  for (let n = 0; n < 30; n++) {
    await mail(BLOCKED);
    await look('middle');
    await look('final');
    clock.now = windowOf(clock.now, weekdays).end;
    const { phase } = await lane();
    if (story.at(-1) !== phase) story.push(phase);
  }
  const tries = Array.from({ length: DEFAULTS.probing.tries }, () => ['probing', 'quarantined']).flat();
  assert.deepEqual(story, ['quarantined', ...tries]);
  const held = await liveHolds(db.store);
  assert.deepEqual(
    held.filter((one) => one.until === null).map((one) => one.cause),
    ['incident:probes-refused'],
  );
  const holds = held.map((one) => one.id);
  await resumeLanes(deps, { ...by(), address: COLD, provider: 'google', holds });
  assert.equal((await lane()).phase, 'probing', 'a person may try again');
});

test('an abort out of quarantine keeps the refusal: a new ramp waits for a person', async () => {
  await start();
  await hold('incident:google-rate-blocked');
  await look('middle');
  await verb('abort', { provider: null });
  await startRamp(deps, { ...order(), address: COLD });
  clock.now += 5 * 24 * HOUR;
  await look('final');
  assert.deepEqual([(await lane()).phase, (await lane()).pauseReasons], ['ramping', ['incident']], 'under its hold');
});

test('silence lowers a lane that follows a plan, a row at a time', async () => {
  await start();
  for (let n = 0; n < 5; n++) await day();
  const { stage } = await lane();
  clock.now += 2 * 24 * HOUR;
  const stages: number[] = [];
  for (let n = 0; n < 25; n++) {
    await day({}, 0);
    const now = (await lane()).stage;
    if (stages.at(-1) !== now) stages.push(now);
  }
  assert.deepEqual(stages, [stage, stage - 1, stage - 2, stage - 3, stage - 4, stage - 5]);
  assert.match(
    (await decisionsOf(db.store, COLD, 'google')).find((row) => row.kind === 'step-back')?.reason ?? '',
    /idle for \d+ days: providers forget/,
  );
});
