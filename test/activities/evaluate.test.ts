import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluate } from '../../activities/evaluate.ts';
import { evaluationTimes, nextEvaluation } from '../../activities/evaluation-times.ts';
import { pauseLanes } from '../../activities/ramps.ts';
import { windowAt, windowOf } from '../../policy/calendar.ts';
import { tx } from '../../store/connect.ts';
import { applyLane, decisionsOf, StaleRevision } from '../../store/decisions.ts';
import { rampOf } from '../../store/lanes.ts';
import { fullerReport, type RampReport, rampReport, storedReport } from '../../store/ramp-report.ts';
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
  known,
  lane,
  look,
  MONDAY,
  mail,
  monday,
  start,
  told,
  WARM,
  weekdays,
} from './clocked-pool.ts';
import { BLOCKED, commit, DEAD, outcome } from './feeder.ts';

test('a ramp advances a stage a day, and its next grant is written before the day ends', async () => {
  await start();
  assert.deepEqual(await grants(), { 0: 100 });
  for (let n = 0; n < 4; n++) {
    await mail();
    assert.equal((await look('middle'))?.decided, 0);
    await look('final');
    const window = windowOf(clock.now, weekdays);
    const next = (await grants())[n + 1];
    assert.ok(clock.now < window.end && next !== undefined);
    assert.equal(next, (await lane()).ceiling);
    clock.now = window.end;
  }
  assert.deepEqual(await told(), ['0 start 0', '0 advance 1', '1 advance 2', '2 advance 3', '3 advance 4']);
});

test('days without sending advance nothing, count as no absence, and do not lose the way', async () => {
  await start();
  for (let n = 0; n < 5; n++) await day();
  const friday = await lane();
  for (let n = 0; n < 2; n++) await day();
  assert.deepEqual(await told(), [
    '0 start 0',
    '0 advance 1',
    '1 advance 2',
    '2 advance 3',
    '3 advance 4',
    '4 advance 5',
  ]);
  const after = await grants();
  assert.deepEqual([after[5], after[6], after[7]], [0, 0, friday.ceiling]);
  await day();
  assert.equal((await told()).at(-1), '7 advance 6');
});

test('days nobody evaluated are recorded as such, and are neither caught up nor trusted', async () => {
  await start();
  await day();
  await day();
  const before = await lane();
  clock.now += 2 * 24 * HOUR;
  await look('middle');
  assert.equal((await lane()).revision, before.revision, 'a mid-window look records nothing');
  await look('final');
  const rows = (await decisionsOf(db.store, COLD, 'google')).slice(3);
  assert.deepEqual(
    rows.map((row) => [row.window - monday, row.kind, /orchestrator-absent/.test(row.reason)]),
    [
      [2, 'hold', true],
      [3, 'hold', true],
      [4, 'hold', false],
    ],
  );
  assert.equal((await lane()).stage, before.stage);
  assert.match(rows[2]?.reason ?? '', /nothing was granted/);
});

test('an absence over a weekend missed nothing', async () => {
  await start();
  for (let n = 0; n < 5; n++) await day();
  clock.now = windowAt(monday + 7, weekdays).start;
  await look('final');
  const rows = await decisionsOf(db.store, COLD, 'google');
  assert.deepEqual(
    rows.filter((row) => row.reason.startsWith('orchestrator-absent')).map((row) => row.window - monday),
    [],
  );
  assert.equal((await told()).at(-1), '7 hold 5');
});

test("an absence before a ramp began is not the ramp's", async () => {
  await look('final');
  clock.now = windowAt(monday + 3, weekdays).start;
  await start();
  await day();
  assert.deepEqual(await told(), ['3 start 0', '3 advance 1']);
});

test('a first day that begins late is prorated and repeats its stage', async () => {
  clock.now = MONDAY + 20 * HOUR;
  await start();
  assert.deepEqual(await grants(), { 0: 16 });
  await mail({ at: clock.now + 1 });
  await look('final');
  assert.match((await decisionsOf(db.store, COLD, 'google')).at(-1)?.reason ?? '', /part of a day/);
  clock.now = windowAt(monday + 1, weekdays).start;
  assert.equal((await grants())[1], 100);
  await day();
  assert.deepEqual(await told(), ['0 start 0', '0 hold 0', '1 advance 1']);
});

test('a start after the last evaluation of its day writes the next grant itself', async () => {
  clock.now = evaluationTimes(windowOf(clock.now, weekdays), COLD).final + 1;
  await start();
  assert.equal((await grants())[1], 100);
  await evaluate(deps, { operationId: 'after', address: COLD, trigger: 'command' });
  assert.deepEqual(await told(), ['0 start 0']);
});

test('too little mail holds as volume-limited', async () => {
  await start();
  await day();
  await day({}, 0.7);
  assert.match((await decisionsOf(db.store, COLD, 'google')).at(-1)?.reason ?? '', /volume-limited: \d+ sent/);
});

test('repeating an operation changes nothing and says the same', async () => {
  await start();
  await mail();
  clock.now = evaluationTimes(windowOf(clock.now, weekdays), COLD).final;
  const input = { operationId: 'once', address: COLD, trigger: 'schedule' as const };
  const first = await evaluate(deps, input);
  const [before, decisions] = [await lane(), await told()];
  clock.now += HOUR / 10;
  assert.deepEqual(await evaluate(deps, input), first);
  assert.deepEqual([await lane(), await told()], [before, decisions]);
  const rows = await decisionsOf(db.store, COLD, 'google');
  assert.equal(rows.at(-1)?.operationId, 'once');
  const again = await evaluate(deps, { ...input, operationId: 'twice' });
  assert.equal(again?.decided, 0, 'one last evaluation a window');
  assert.equal((await lane()).revision, before.revision);
});

test('a lane that changed since it was read refuses the write, and nothing of it stays', async () => {
  await start();
  const read = await lane();
  await pauseLanes(deps, { ...by(), address: COLD, provider: null });
  const stale = tx(db.store, (client) =>
    applyLane(client, {
      lane: read,
      decision: null,
      operationId: 'late',
      rampId: read.rampId,
      window: monday,
      actor: 'rampart',
      policyVersion: '1',
      at: clock.now,
      final: true,
      pauseReasons: [],
      missed: [monday - 1],
      grants: [{ window: windowAt(monday, weekdays), units: 9_999, planUnits: 9_999, origin: 'decided' }],
    }),
  );
  await assert.rejects(stale, StaleRevision);
  assert.deepEqual((await lane()).pauseReasons, ['operator']);
  assert.deepEqual(await grants(), { 0: 100 });
});

test('evaluations and commands at the same time all apply, each from what the other left', async () => {
  await start();
  await mail();
  clock.now = evaluationTimes(windowOf(clock.now, weekdays), COLD).final;
  await Promise.all([
    ...['a', 'b', 'c'].map((operationId) => evaluate(deps, { operationId, address: COLD, trigger: 'schedule' })),
    pauseLanes(deps, { ...by(), address: COLD, provider: 'yahoo' }),
  ]);
  assert.equal((await told()).filter((line) => line.includes('advance')).length, 1);
  assert.deepEqual((await lane('yahoo')).pauseReasons, ['operator']);
});

test('an answer that stops steps the lane back at once, lowers the running grant, and empties its evidence', async () => {
  await start();
  await day();
  await day();
  const before = await lane();
  await mail({ ...BLOCKED }, 0.5);
  await look('middle');
  const stepped = await lane();
  assert.deepEqual([stepped.phase, stepped.stage], ['stepped-back', before.stage - 1]);
  assert.equal((await grants())[2], stepped.ceiling);
  assert.equal(stepped.evidenceSince, clock.now);
  await evaluate(deps, { operationId: 'again', address: COLD, trigger: 'incident' });
  assert.equal((await lane()).stage, stepped.stage, 'old answers step back once');
  await look('final');
  assert.equal((await grants())[3], stepped.ceiling);
  assert.equal((await lane('yahoo')).phase, 'stepped-back');
});

test('two gates that crossed together are one step back, also when the database clock runs ahead', async () => {
  await start();
  await day();
  await day();
  const before = await lane();
  await hold('gate:block', { since: clock.now + 4_000.7 });
  await hold('gate:reputation', { since: clock.now + 5_000.2 });
  for (let n = 0; n < 3; n++) {
    await evaluate(deps, { operationId: `gate-${n}`, address: COLD, trigger: 'incident' });
    clock.now += 10_000;
  }
  assert.equal((await lane()).stage, before.stage - 1);
  assert.equal((await lane('yahoo')).stage, before.stage, 'only the lane that was hurt');
});

test('a step back happens while paused, and no raise', async () => {
  await start();
  await day();
  await pauseLanes(deps, { ...by(), address: COLD, provider: null });
  await day();
  assert.deepEqual(await told(), ['0 start 0', '0 advance 1', '1 pause 1', '1 hold 1']);
  await hold('gate:block');
  await evaluate(deps, { operationId: 'x', address: COLD, trigger: 'incident' });
  const stepped = await lane();
  assert.deepEqual([stepped.phase, stepped.stage, stepped.pauseReasons], ['stepped-back', 0, ['operator']]);
});

test('an incident quarantines its lane once: no grant in this window or the next', async () => {
  await start();
  await day();
  await hold('incident:microsoft-s3150');
  for (const at of ['middle', 'final'] as const) await look(at);
  const quarantined = await lane();
  assert.equal(quarantined.phase, 'quarantined');
  const after = await grants();
  assert.deepEqual([after[1], after[2]], [0, 0]);
  assert.equal((await told()).filter((line) => line.includes('quarantine')).length, 1);
  const { rows } = await db.store.query(`select count(*)::int as n from notices where kind = 'quarantine'`);
  assert.equal(rows[0].n, 1);
  assert.notEqual((await grants('yahoo'))[2], 0);
});

test('dead recipients of a suspended campaign hold the lanes that carried them, and no more when it is old', async () => {
  await start();
  await hold('gate:hard-bounce', { scope: 'campaign', target: 'dead' });
  const window = windowOf(clock.now, weekdays);
  const bounce = {
    address: COLD,
    provider: 'google',
    at: clock.now + HOUR,
    windowIndex: window.index,
    campaign: 'dead',
  };
  await commit(
    db.store,
    Array.from({ length: 10 }, () => outcome({ ...bounce, ...DEAD })),
  );
  await day();
  assert.equal((await told()).at(-1), '0 hold 0');
  assert.equal((await told('yahoo')).at(-1), '0 advance 1');
  await day();
  assert.equal((await told()).at(-1), '1 advance 1');
});

test("lanes that were declared warm get their grants and are left alone; they do not follow a neighbour's plan", async () => {
  await look('final', WARM);
  assert.deepEqual(await grants('google', WARM), { 1: 2_000 });
  await known(COLD, 'warm', ['apple'], 700);
  clock.now = MONDAY;
  await start();
  await day();
  const apple = await lane('apple');
  assert.deepEqual([apple.phase, apple.ceiling, apple.rampId], ['warm', 700, null]);
  assert.equal((await grants('apple'))[1], 700);
  await hold('gate:block', { target: `${COLD} apple` });
  await look('middle');
  await look('final');
  assert.deepEqual([(await lane('apple')).phase, (await lane('apple')).ceiling], ['warm', 700]);
  assert.equal((await told('apple')).at(-1), '1 hold 0');
});

test('a warm lane that had no mail for a week sends under a lower grant at once, and grows back when it sends', async () => {
  const DAY = 24 * HOUR;
  clock.now = MONDAY + 6 * DAY;
  await look('final', WARM);
  assert.equal((await lane('google', WARM)).phase, 'warm');
  clock.now = MONDAY + 8 * DAY;
  await look('middle', WARM);
  const cooled = await lane('google', WARM);
  assert.deepEqual([cooled.phase, cooled.ceiling], ['cooling', 1_600]);
  const now = (await grants('google', WARM))[8];
  assert.equal(now, 1_600, 'the running window is lowered, or opened if nobody had opened it');
  await look('final', WARM);
  clock.now = MONDAY + 9 * DAY;
  const windowIndex = windowOf(clock.now, weekdays).index;
  const one = { address: WARM, provider: 'google', at: clock.now + HOUR, windowIndex };
  await commit(
    db.store,
    Array.from({ length: 1_500 }, () => outcome(one)),
  );
  await look('final', WARM);
  const after = await lane('google', WARM);
  assert.deepEqual([after.phase, after.ceiling, (await grants('google', WARM))[10]], ['cooling', 2_000, 2_000]);
  assert.equal((await lane('yahoo', WARM)).ceiling, 1_600, 'silence goes on');
});

test('a ramp runs to its end: every lane warm, the ramp complete', async () => {
  await start();
  for (let n = 0; n < 30 && (await rampOf(db.store, COLD))?.endedAt === null; n++) await day();
  const google = await lane();
  assert.deepEqual([google.phase, google.ceiling, google.normal], ['warm', 520, 520]);
  assert.equal((await rampOf(db.store, COLD))?.outcome, 'complete');
  await assert.rejects(start(), /is warm: there is nothing to warm up/);
  await known(COLD, 'planned');
  assert.deepEqual([(await lane()).ceiling, (await lane()).normal], [520, 520], 'a restart raises nothing');
});

test('a ramp that has ended leaves one report: its own mail from its first instant to its last, and what it went back for', async () => {
  const one = { address: COLD, provider: 'google' };
  await commit(db.store, [outcome({ ...one, at: MONDAY - 1 }), outcome({ ...one, at: MONDAY })]);
  await start();
  await day();
  await commit(db.store, [outcome({ ...one, at: clock.now + HOUR, probe: true, campaign: 'rampart-probe' })]);
  await commit(db.store, [outcome({ ...one, address: WARM, at: clock.now + HOUR })]);
  await mail({ provider: 'google', ...BLOCKED }, 0.2);
  await look('middle');
  clock.now = windowOf(clock.now, weekdays).end;
  for (let n = 0; n < 40 && (await rampOf(db.store, COLD))?.endedAt === null; n++) await day();
  const ramp = await rampOf(db.store, COLD);
  assert.ok(ramp !== undefined && ramp.endedAt !== null);
  await commit(db.store, [outcome({ ...one, at: ramp.endedAt }), outcome({ ...one, at: ramp.endedAt + 1 })]);
  await look('final');
  await day();

  const { rows } = await db.store.query(`select kind, subject, body from notices where kind like 'ramp-%'`);
  assert.deepEqual(
    rows.map(({ kind, subject }) => [kind, subject]),
    [['ramp-complete', `${COLD} is warm at every provider`]],
  );
  const told: RampReport = rows[0].body;
  const facts = [told.ramp, told.outcome, told.startedAt, Math.floor(told.endedAt ?? 0), told.startedBy];
  assert.deepEqual(facts, [ramp.id, 'complete', MONDAY, ramp.endedAt, 'ada']);
  assert.deepEqual(
    told.lanes.map(({ provider, phase, ceiling, stage, stages }) => [provider, phase, ceiling, stage === stages]),
    ['google', 'yahoo'].map((provider) => [provider, 'warm', 520, true]),
  );
  const back = told.retreats.filter(({ kind }) => kind === 'step-back');
  assert.ok(
    back.length >= 1 && back.every(({ provider, from, to }) => provider === 'google' && to < from),
    JSON.stringify(back),
  );

  const report = await rampReport(db.store, ramp, clock.now);
  const sent = (
    await db.store.query('select provider, severity, probe, host(address) as address, at from attempts')
  ).rows.filter(
    ({ provider, probe, address, at }) =>
      provider === 'google' && !probe && address === COLD && Number(at) >= MONDAY && Number(at) <= Number(ramp.endedAt),
  );
  const count = (severity: string) => sent.filter((row) => row.severity === severity).length;
  const google = report.lanes.find(({ provider }) => provider === 'google');
  assert.deepEqual([google?.mail.delivered, google?.mail.blocked], [count('delivered'), count('blocked')]);
  assert.ok(count('blocked') > 0);
  // The one that was committed with the ramp's last instant after the report was written is in the later one.
  assert.equal(told.lanes.find(({ provider }) => provider === 'google')?.mail.delivered, count('delivered') - 1);
  assert.equal(fullerReport(report, told), report);
  await db.store.query('delete from attempts where at < $1', [new Date(MONDAY + 5 * 24 * HOUR)]);
  const later = await rampReport(db.store, ramp, clock.now);
  assert.deepEqual(fullerReport(later, await storedReport(db.store, ramp.id)), told, 'it stays when its rows are gone');
});

test('an address nobody knows has no evaluation', async () => {
  assert.equal(await evaluate(deps, { operationId: 'z', address: '192.0.2.1', trigger: 'schedule' }), null);
});

test('the next evaluation is the middle, the end, and then the middle of the next window', () => {
  const window = windowOf(MONDAY, weekdays);
  const { middle, final } = evaluationTimes(window, COLD);
  assert.equal(nextEvaluation(window.start, weekdays, COLD), middle);
  assert.equal(nextEvaluation(middle, weekdays, COLD), final);
  assert.equal(nextEvaluation(final, weekdays, COLD), evaluationTimes(windowAt(monday + 1, weekdays), COLD).middle);
  assert.ok(final < window.end && window.end - final <= 1.5 * HOUR);
});
