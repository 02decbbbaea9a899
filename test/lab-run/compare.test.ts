/** Truth against deeds: which reaction answers which trouble, and which had no reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newcomers, targets } from '../../cli/demo/setting.ts';
import { compare } from '../../cli/lab/compare.ts';
import { type Deeds, type Reaction, reactionsOf } from '../../cli/lab/reactions.ts';
import type { Scenario } from '../../lab/scenario.ts';
import type { Trouble } from '../../lab/truth.ts';

const DAY = 2_400;
const HOUR = DAY / 24;
const COLD = '127.10.0.11';

const trouble = (more: Partial<Trouble> = {}): Trouble => ({
  provider: 'google',
  cause: 'clampdown',
  calls: 'retreat',
  from: 10 * DAY,
  to: 12 * DAY,
  detail: '',
  ...more,
});
const reaction = (more: Partial<Reaction> = {}): Reaction => ({
  provider: 'google',
  at: 10 * DAY + 6 * HOUR,
  kind: 'step-back',
  strength: 'retreat',
  reason: 'deferrals',
  ...more,
});
const against = (troubles: Trouble[], reactions: Reaction[]) =>
  compare(troubles, reactions, { dayLength: DAY, complaintHours: 120 });
const wrong = (troubles: Trouble[], reactions: Reaction[]) =>
  against(troubles, reactions).falseReactions.map((one) => one.during);

test('the first reaction on the lane answers its trouble, after so many plan hours', () => {
  const later = reaction({ at: 11 * DAY });
  const [answered] = against([trouble()], [reaction(), later]).troubles;
  assert.equal(answered?.reaction?.at, 10 * DAY + 6 * HOUR);
  assert.equal(answered?.delayHours, 6);
  assert.deepEqual(wrong([trouble()], [reaction(), later]), []);
});

test('a reaction before it, long after it, or elsewhere answers nothing and had no reason', () => {
  for (const other of [{ at: 10 * DAY - 3 * HOUR }, { at: 14 * DAY }, { provider: 'yahoo' }]) {
    const { troubles, falseReactions } = against([trouble()], [reaction(other)]);
    assert.deepEqual([troubles[0]?.reaction, troubles[0]?.delayHours], [null, null]);
    assert.deepEqual(
      falseReactions.map((one) => one.during),
      [[]],
    );
  }
});

test('a listing is a reason to stop the whole address, and for no step back of a lane that asks no list', () => {
  const listing = trouble({ provider: 'other', cause: 'listing' });
  for (const kind of ['quarantine', 'held address']) assert.deepEqual(wrong([listing], [reaction({ kind })]), []);
  assert.deepEqual(wrong([listing], [reaction()]), [[]]);
  const [answered] = against([listing], [reaction({ kind: 'quarantine' })]).troubles;
  assert.equal(answered?.reaction, null, 'the lane that asks it is to be stopped, not another one');
  assert.deepEqual(wrong([trouble({ provider: 'other' })], [reaction({ kind: 'quarantine' })]), [[]]);
});

test('one that comes within the hour in which the lab looked is not early', () => {
  const [answered] = against([trouble()], [reaction({ at: 10 * DAY - HOUR })]).troubles;
  assert.equal(answered?.delayHours, 0);
});

test('what comes too late names the trouble it came after', () => {
  const late = reaction({ at: 12 * DAY + 40 * HOUR });
  const sensor = trouble({ cause: 'seed-outage', calls: 'nothing', to: 12 * DAY + 39 * HOUR });
  const [wrongly] = against([trouble(), trouble({ cause: 'outage', from: 0, to: DAY }), sensor], [late]).falseReactions;
  assert.deepEqual(wrongly?.after, { cause: 'clampdown', hours: 40 });
  assert.equal(against([], [late]).falseReactions[0]?.after, null);
});

test('complaints come late, so a retreat for them may', () => {
  const late = reaction({ at: 12 * DAY + 130 * HOUR });
  assert.deepEqual(wrong([trouble({ cause: 'complaint-wave' })], [late]), []);
  assert.deepEqual(wrong([trouble()], [late]), [[]]);
});

test('in an outage a stop is right and a step back is not', () => {
  const outage = trouble({ cause: 'outage', calls: 'hold' });
  assert.deepEqual(wrong([outage], [reaction({ strength: 'stop', kind: 'held lane' })]), []);
  assert.deepEqual(wrong([outage], [reaction()]), [['outage']]);
});

test('a sensor that fails asks for nothing, and excuses nothing', () => {
  const blind = trouble({ cause: 'seed-outage', calls: 'nothing' });
  assert.equal(against([blind], [reaction()]).troubles[0]?.reaction, null);
  assert.deepEqual(wrong([blind], [reaction({ strength: 'stop' })]), [['seed-outage']]);
});

test('a stop of one campaign answers that campaign alone, and is never held against anybody', () => {
  const campaign = trouble({ cause: 'dead-campaign', campaign: 'old' });
  const part = reaction({ strength: 'part', kind: 'held campaign', target: 'old' });
  assert.equal(against([campaign], [part]).troubles[0]?.reaction?.kind, 'held campaign');
  assert.equal(against([campaign], [{ ...part, target: 'daily-1' }]).troubles[0]?.reaction, null);
  assert.equal(against([trouble()], [part]).troubles[0]?.reaction, null);
  assert.deepEqual(wrong([], [part]), []);
});

function deeds(more: Partial<Deeds>): string[] {
  const given = { address: COLD, providers: ['google', 'yahoo'], decisions: [], holds: [], ...more };
  return reactionsOf(given).map((one) => `${one.provider} ${one.kind} ${one.strength}`);
}

const decision = (kind: string, more: object = {}) =>
  ({ address: COLD, provider: 'google', at: 1, kind, reason: '', actor: 'rampart', evidence: [], ...more }) as never;
const hold = (scope: string, target: string, more: object = {}) =>
  ({ scope, target, since: 1, cause: 'gate:block', reason: '', ...more }) as never;

test('retreats and failed gates are reactions; advances, holds for want of data and operators’ are not', () => {
  const decisions = [
    decision('step-back'),
    decision('advance'),
    decision('hold'),
    decision('hold', { evidence: [{ verdict: 'fail' }] }),
    decision('pause', { actor: 'operator' }),
    decision('quarantine', { address: '127.10.0.10' }),
  ];
  assert.deepEqual(deeds({ decisions }), ['google step-back retreat', 'google hold stop']);
});

test('a hold counts where it stops the address’s mail', () => {
  const holds = [
    hold('lane', `${COLD} yahoo`),
    hold('lane', '127.10.0.10 google'),
    hold('address', COLD),
    hold('netblock', '127.10.0.0/24'),
    hold('provider', 'google'),
    hold('campaign', 'old'),
    hold('lane', `${COLD} google`, { cause: 'operator' }),
  ];
  assert.deepEqual(deeds({ holds }), [
    'yahoo held lane stop',
    'google held address stop',
    'yahoo held address stop',
    'google held netblock stop',
    'yahoo held netblock stop',
    'google held provider stop',
    'google held campaign part',
    'yahoo held campaign part',
  ]);
});

test('several new addresses share what one would carry; the first is the one that there is anyway', () => {
  const traffic = { messagesPerDay: 800, weights: { google: 3, yahoo: 1 } };
  const of = (addresses?: number) =>
    ({ traffic, ...(addresses === undefined ? {} : { newcomers: { addresses } }) }) as unknown as Scenario;
  assert.deepEqual(
    newcomers(of()).map(({ ip }) => ip),
    [COLD],
  );
  assert.deepEqual(
    newcomers(of(3)).map(({ ip }) => ip),
    [COLD, '127.10.0.12', '127.10.0.13'],
  );
  assert.equal(new Set(newcomers(of(16)).map(({ name }) => name)).size, 16);
  assert.deepEqual(targets(of()), { google: 300, yahoo: 100, default: 100 });
  assert.deepEqual(targets(of(4)), { google: 75, yahoo: 25, default: 25 });
});
