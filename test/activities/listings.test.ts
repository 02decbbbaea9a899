/** DNS lists, asked for real: what they say becomes evidence, a quarantine, and its end. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import type { ActivityDeps } from '../../activities/deps.ts';
import { evaluate } from '../../activities/evaluate.ts';
import { evaluationTimes } from '../../activities/evaluation-times.ts';
import { round } from '../../activities/listings.ts';
import { listingPort } from '../../cli/roles/listing-port.ts';
import { windowOf } from '../../policy/calendar.ts';
import { decidedFrom, type RecordedInput } from '../../policy/recorded.ts';
import { decisionsOf, recordedDecisions } from '../../store/decisions.ts';
import { grantsAround } from '../../store/grants.ts';
import { liveHolds } from '../../store/holds.ts';
import { listingChecks } from '../../store/listings.ts';
import { COLD, clock, db, HOUR, lane, MONDAY, mail, deps as shared, start, WARM, weekdays } from './clocked-pool.ts';
import { commit, outcome } from './feeder.ts';
import { startListedZone } from './listed-zone.ts';

const ZONE = 'zen.spamhaus.org';
const list = await startListedZone(ZONE);
after(() => list.stop());

const logged: string[] = [];
const port = listingPort({ lists: [{ zone: ZONE, listed: 'fail' }], unseen: false }, [list.resolver]);
const deps: ActivityDeps = { ...shared, listings: port, log: (event) => void logged.push(event) };

let asked = MONDAY;
const ask = async () => {
  asked = await round(deps, port, asked);
};
let looks = 0;
const look = async (at: 'middle' | 'final') => {
  clock.now = evaluationTimes(windowOf(clock.now, weekdays), COLD)[at];
  // Holds are placed at the database's time, and these tests live in another year.
  await db.store.query('update holds set since = $1 where since < $1', [new Date(MONDAY)]);
  await evaluate(deps, { operationId: `l${++looks}`, address: COLD, trigger: 'schedule' });
  await db.store.query('update holds set since = $1 where since < $1', [new Date(clock.now)]);
};
const tomorrow = () => {
  clock.now = windowOf(clock.now, weekdays).end;
};
const last = async (provider = 'google') => (await decisionsOf(db.store, COLD, provider)).at(-1);
const phases = async () => [(await lane('google')).phase, (await lane('yahoo')).phase];

beforeEach(() => {
  list.entries.clear();
  list.asked.length = 0;
  list.mode = 'works';
  logged.length = 0;
  asked = clock.now;
});

/** Listed on Monday, and quarantined by it. */
async function listed() {
  await start();
  list.entries.set(COLD, ['127.0.0.2']);
  await ask();
  await look('middle');
  await look('middle');
  assert.deepEqual(await phases(), ['quarantined', 'quarantined']);
}

test('a listing quarantines; each day it is asked again, says since when, and a clean answer lets the lanes probe their way back', async () => {
  await listed();
  assert.match((await last())?.reason ?? '', /198\.51\.100\.8 is listed at zen\.spamhaus\.org \(127\.0\.0\.2\)/);
  tomorrow();
  clock.now += HOUR;
  await ask();
  await look('final');
  assert.match(
    (await last())?.reason ?? '',
    /^quarantined: zen\.spamhaus\.org lists it since 2030-01-07 00:00Z \(127\.0\.0\.2, SBL\), asked 2\d h ago$/,
  );
  assert.equal((await liveHolds(db.store)).length, 1);
  tomorrow();
  list.entries.clear();
  await ask();
  assert.deepEqual(await liveHolds(db.store), []);
  await look('final');
  assert.deepEqual(await phases(), ['probing', 'probing']);
  assert.equal((await last())?.kind, 'resume');
  const [, next] = (await grantsAround(db.store, COLD, 'google', windowOf(clock.now, weekdays).index + 1, 1)).reverse();
  assert.deepEqual([next?.units, next?.gapMs], [20, 60_000], 'a message a minute, twenty of them');
  tomorrow();
  await mail();
  await look('final');
  assert.deepEqual(await phases(), ['stepped-back', 'stepped-back']);
  assert.match((await last())?.reason ?? '', /20 probes accepted, none refused: cools down/);
});

for (const mode of ['refuses', 'dead', 'silent'] as const) {
  test(`a list that ${mode === 'refuses' ? 'refuses us' : `is ${mode}`} ends no quarantine and begins none`, async () => {
    await listed();
    tomorrow();
    list.mode = mode;
    list.entries.clear();
    await ask();
    await look('final');
    assert.deepEqual(await phases(), ['quarantined', 'quarantined']);
    assert.match((await last())?.reason ?? '', /lists it since 2030-01-07.*the last question had no answer/);
    const [check] = (await listingChecks(db.store, COLD)) ?? [];
    assert.ok(check?.problem != null && check.answeredAt === MONDAY);
    assert.ok((await listingChecks(db.store, WARM))[0]?.listedSince === null);
    assert.equal((await lane('google', WARM)).phase, 'warm');
  });
}

test('each address is asked about once a window, and not at all before it begins to warm up', async () => {
  await ask();
  const of = (ip: string) => list.asked.filter((one) => one === ip).length;
  assert.deepEqual([of(COLD), of(WARM), of('127.0.0.2'), of('127.0.0.1')], [0, 1, 1, 1]);
  await start();
  await ask();
  clock.now += 10 * HOUR;
  await ask();
  assert.deepEqual([of(COLD), of(WARM)], [1, 1]);
  tomorrow();
  await ask();
  assert.deepEqual([of(COLD), of(WARM)], [2, 2]);
});

test('a list that a provider quotes is asked at once: its own word counts, and a false quotation does nothing', async () => {
  await start();
  await ask();
  clock.now += 2 * HOUR;
  const quote = {
    severity: 'blocked',
    class: 'listing',
    scope: 'ip',
    rule: 'any-listed',
    reply: '550 spamhaus',
  } as const;
  const quoted = async () => {
    await commit(db.store, [outcome({ address: COLD, provider: 'google', at: clock.now, ...quote })]);
    await ask();
  };
  await quoted();
  await look('middle');
  assert.deepEqual(await phases(), ['ramping', 'ramping']);
  assert.deepEqual(await liveHolds(db.store), []);
  list.entries.set(COLD, ['127.0.0.4']);
  clock.now += HOUR;
  await ask();
  assert.equal((await listingChecks(db.store, COLD))[0]?.listedSince, null, 'nobody quoted it since');
  await quoted();
  await look('middle');
  await look('middle');
  assert.deepEqual(await phases(), ['quarantined', 'quarantined']);
});

test('a list that spoke and fell silent is stale: no lane advances, none is punished; one that never spoke stops nobody', async () => {
  await start();
  list.mode = 'refuses';
  for (let n = 0; n < 2; n++) {
    await ask();
    await mail();
    await look('final');
    tomorrow();
  }
  const before = await lane();
  assert.equal(before.stage, 2, 'not configured');
  assert.ok(logged.includes('listing-unknown'));
  list.mode = 'works';
  await ask();
  await mail();
  await look('final');
  assert.equal((await lane()).stage, 3);
  list.mode = 'silent';
  for (let n = 0; n < 2; n++) {
    tomorrow();
    await ask();
    await mail();
    await look('final');
  }
  const row = await last();
  const evidence = (row?.evidence ?? []) as { metric: string; verdict: string }[];
  assert.match(row?.reason ?? '', /^zen\.spamhaus\.org has not answered for \d+ h/);
  assert.equal(evidence.find((one) => one.metric === 'dnsbl')?.verdict, 'stale');
  assert.deepEqual([(await lane()).phase, row?.kind], ['holding', 'hold']);
});

test('every decision of it is made again from what was kept', async () => {
  await listed();
  tomorrow();
  await ask();
  await look('final');
  const rows = await recordedDecisions(db.store, '3');
  assert.ok(rows.length >= 4);
  for (const row of rows) {
    const again = decidedFrom(row.input as RecordedInput);
    assert.deepEqual([again?.kind, again?.phase, again?.reason], [row.kind, row.toPhase, row.reason]);
  }
});
