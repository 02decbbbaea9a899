import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hourlyDetectors } from '../../activities/detectors.ts';
import { evaluate } from '../../activities/evaluate.ts';
import { resumeLanes, startRamp } from '../../activities/ramps.ts';
import { planNamed } from '../../policy/plan.ts';
import { tx } from '../../store/connect.ts';
import { decisionsOf } from '../../store/decisions.ts';
import { clearHolds, liveHolds } from '../../store/holds.ts';
import { recordComplaint } from '../../store/reports.ts';
import { recordSignal } from '../../store/signals.ts';
import {
  by,
  COLD,
  clock,
  day,
  db,
  HOUR,
  known,
  lane,
  look,
  order,
  deps as shared,
  start,
  told,
  WARM,
} from './clocked-pool.ts';
import { BLOCKED, commit, DEAD, outcome } from './feeder.ts';

const deps = { ...shared, complaintFeeds: ['google', 'yahoo'] };

const hour = async (watch: ReturnType<typeof hourlyDetectors>) => {
  clock.now += HOUR;
  await watch.look(() => {});
};
/** Mail of one hour that is over on a lane. */
async function sent(count: number, over: Partial<Parameters<typeof outcome>[0]> = {}) {
  const mail = Array.from({ length: count }, () =>
    outcome({ address: COLD, provider: 'google', at: clock.now, ...over }),
  );
  await commit(db.store, mail);
  return mail;
}
const stops = async () => (await liveHolds(db.store)).map((one) => `${one.scope} ${one.target} ${one.cause}`);

test('blocks are seen within the hour, held once, and answered by one step back', async () => {
  await start();
  await day();
  await day();
  const watch = hourlyDetectors(deps);
  await sent(30);
  await hour(watch);
  assert.deepEqual(await stops(), []);
  await sent(6, { ...BLOCKED });
  const before = await lane();
  await hour(watch);
  await hour(watch);
  assert.deepEqual(await stops(), [`lane ${COLD} google gate:block`]);
  // Holds are made at the database's time, this test lives in another year.
  await db.store.query('update holds set since = $1', [new Date(clock.now)]);
  const input = { operationId: 'answer', address: COLD, trigger: 'incident' as const };
  await evaluate(deps, input);
  await evaluate(deps, { ...input, operationId: 'again' });
  const after = await lane();
  assert.deepEqual([after.phase, after.stage], ['stepped-back', before.stage - 1]);
  await db.store.query('update holds set until = $1', [new Date(Date.now() - 1)]);
  await hour(watch);
  assert.deepEqual(await stops(), [], 'what was answered does not stop it again');
});

test('complaints that trickle in over days stop what no hour and no day would show', async () => {
  await start();
  const watch = hourlyDetectors(deps);
  let stopped = -1;
  for (let n = 0; n < 96 && stopped < 0; n++) {
    const mail = [
      ...(await sent(20, { campaign: `even-${Math.floor(n / 24)}` })),
      ...(await sent(20, { campaign: `odd-${Math.floor(n / 24)}` })),
    ];
    // 0.6%: six times what is fine.
    if (n % 4 === 0) await recordComplaint(db.store, mail[n % 8 === 0 ? 0 : 20]?.recipient ?? 0, {});
    await hour(watch);
    if ((await stops()).some((one) => one.includes('gate:complaint'))) stopped = n;
  }
  assert.ok(stopped > 0, 'never stopped');
});

test('one bad campaign is suspended, and the lane that carried it holds', async () => {
  await start();
  const watch = hourlyDetectors(deps);
  await sent(200, { campaign: 'news' });
  await sent(12, { ...DEAD, campaign: 'old-list' });
  await hour(watch);
  assert.deepEqual(await stops(), ['campaign old-list gate:hard-bounce']);
  assert.equal((await lane()).phase, 'ramping');
  await hour(watch);
  assert.equal((await stops()).length, 1);
});

test('what is thin on every lane is seen over the address, and the pool is silent with it', async () => {
  await start();
  const watch = hourlyDetectors(deps);
  for (const provider of ['google', 'yahoo'])
    for (const campaign of ['a', 'b', 'c']) {
      const mail = await sent(150, { provider, campaign });
      await recordComplaint(db.store, mail[0]?.recipient ?? 0, {});
    }
  await hour(watch);
  const held = await stops();
  assert.ok(held.includes('pool marketing gate:complaint'), held.join('; '));
  const pool = (await liveHolds(db.store)).find((one) => one.scope === 'pool');
  assert.equal(pool?.reach, 'cold');
  assert.ok(pool?.until != null);
});

/** An address two days into its ramp at three providers, with some clean mail of this hour at each. */
async function threeLanes() {
  const providers = ['google', 'yahoo', 'gmx'];
  await known(COLD, 'planned', providers);
  await start();
  await day();
  await day();
  for (const provider of providers) await sent(60, { provider });
  return hourlyDetectors(deps);
}

test('several providers block a little: each lane with a part in it steps back, and the whole address is silent once', async () => {
  const watch = await threeLanes();
  for (const provider of ['google', 'yahoo']) await sent(2, { ...BLOCKED, provider });
  const before = await lane('gmx');
  await hour(watch);
  const held = (await stops()).sort();
  assert.deepEqual(held, [
    `address ${COLD} gate:block`,
    `lane ${COLD} google gate:block`,
    `lane ${COLD} yahoo gate:block`,
  ]);
  const address = (await liveHolds(db.store)).find((one) => one.scope === 'address');
  assert.equal(address?.reach, 'cold');
  assert.ok(address?.until != null, 'it ends by itself');
  assert.match(address?.reason ?? '', /google: block 2 of .*; yahoo: block 2 of/);
  await db.store.query('update holds set since = $1', [new Date(clock.now)]);
  await evaluate(deps, { operationId: 'answer', address: COLD, trigger: 'incident' });
  for (const provider of ['google', 'yahoo']) assert.equal((await lane(provider)).phase, 'stepped-back');
  const after = await lane('gmx');
  assert.deepEqual(
    [after.phase, after.stage],
    [before.phase, before.stage],
    'it did nothing wrong: silence, no step back',
  );
  await db.store.query('update holds set until = $1', [new Date(Date.now() - 1)]);
  await hour(watch);
  assert.deepEqual(await stops(), [], 'what was answered does not stop it again');
});

test('blocks at one provider are its own matter, however clearly they lift the sum over the address', async () => {
  const watch = await threeLanes();
  await sent(4, { ...BLOCKED });
  await hour(watch);
  assert.deepEqual(await stops(), [`lane ${COLD} google gate:block`]);
});

test('a plan whose gate pauses or runs dry: a pause waits for a person and does not come back, a dry run stops nothing', async () => {
  const plan = planNamed('six-week', { start: 100, targets: { default: 400 }, days: 10 });
  const gates = { metrics: { block: { action: 'pause' }, deferral: { dryRun: true } } } as const;
  await startRamp(deps, { ...order(), address: COLD, drawn: { ...plan, gates } });
  const watch = hourlyDetectors(deps);
  await sent(10, { ...BLOCKED });
  await hour(watch);
  assert.deepEqual(await stops(), [`lane ${COLD} google pause:block`]);
  await evaluate(deps, { operationId: 'p', address: COLD, trigger: 'incident' });
  const paused = await lane();
  assert.deepEqual([paused.phase, paused.pauseReasons, paused.stage], ['holding', ['gate'], 0]);
  assert.equal((await told()).at(-1), '0 pause 0');
  await evaluate(deps, { operationId: 'q', address: COLD, trigger: 'incident' });
  assert.equal((await told()).filter((line) => line.includes('pause')).length, 1);
  const ids = (await liveHolds(db.store)).map((one) => one.id);
  await clearHolds(db.store, ids, { actor: 'ada', reason: 'looked at it' });
  await hour(watch);
  assert.deepEqual(await stops(), [], 'the same blocks do not pause it again');
});

test('a lane that was declared warm is silent once for one burst: it has no stage to go back to', async () => {
  const watch = hourlyDetectors(deps);
  await sent(12, { ...BLOCKED, address: WARM });
  await hour(watch);
  assert.deepEqual(await stops(), [`lane ${WARM} google gate:block`]);
  await db.store.query('update holds set until = $1', [new Date(Date.now() - 1)]);
  await hour(watch);
  assert.deepEqual(await stops(), []);
  for (const provider of ['google', 'yahoo']) await sent(2, { ...BLOCKED, address: WARM, provider });
  await hour(watch);
  const both = ['google', 'yahoo'].map((provider) => `lane ${WARM} ${provider} gate:block`);
  assert.deepEqual((await stops()).sort(), both, 'nothing of the address is cold: there is nothing else to silence');
});

test('a listing that matters quarantines the address, once, until a person releases it; one that does not is observed', async () => {
  await start();
  await day();
  await tx(db.store, (client) =>
    recordSignal(client, { kind: 'dnsbl', source: 'dnsbl.example', address: COLD, value: '127.0.0.2', at: clock.now }),
  );
  await look('middle');
  assert.equal((await lane()).phase, 'ramping');
  const zen = { kind: 'dnsbl', source: 'zen.spamhaus.org', address: COLD, at: clock.now } as const;
  await tx(db.store, (client) => recordSignal(client, { ...zen, value: '127.0.0.2' }));
  const { rows } = await db.store.query(`select cause from incidents where closed_at is null`);
  assert.equal(rows.length, 1, 'the address is woken');
  await evaluate(deps, { operationId: 's', address: COLD, trigger: 'incident' });
  await db.store.query('update holds set since = $1', [new Date(clock.now)]);
  await evaluate(deps, { operationId: 't', address: COLD, trigger: 'incident' });
  for (const provider of ['google', 'yahoo']) assert.equal((await lane(provider)).phase, 'quarantined');
  assert.match((await decisionsOf(db.store, COLD, 'google')).at(-1)?.reason ?? '', /listed at zen.spamhaus.org/);
  const [held] = await liveHolds(db.store);
  assert.equal(held?.scope, 'address');
  await resumeLanes(deps, { ...by(), address: COLD, provider: null, holds: [held?.id ?? 0] });
  for (const provider of ['google', 'yahoo']) assert.equal((await lane(provider)).phase, 'probing');
  await evaluate(deps, { operationId: 'u', address: COLD, trigger: 'incident' });
  assert.deepEqual(await liveHolds(db.store), [], 'a row holds once');
});

test('a policy listing holds the lanes until it is taken back, and steps nothing back', async () => {
  await start();
  const zen = { kind: 'dnsbl', source: 'zen.spamhaus.org', address: COLD } as const;
  await tx(db.store, (client) => recordSignal(client, { ...zen, value: '127.0.0.10', at: clock.now }));
  await day();
  assert.equal((await told()).at(-1), '0 hold 0');
  await tx(db.store, (client) => recordSignal(client, { ...zen, value: 'clear', at: clock.now }));
  await day();
  assert.equal((await told()).at(-1), '1 advance 1');
});
