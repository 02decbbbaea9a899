import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BindingInput, whatBinds } from '../../cli/status/binding.ts';
import { windowOf } from '../../policy/calendar.ts';
import type { Hold } from '../../policy/holds.ts';
import type { GrantRow } from '../../store/grants.ts';
import type { LaneRow } from '../../store/lanes.ts';

const noon = Date.UTC(2026, 2, 2, 12);
const calendar = { kind: 'civil', zone: 'UTC', sendDays: [1, 2, 3, 4, 5], sendHours: { from: 0, to: 24 } } as const;
const window = windowOf(noon, calendar);

const lane: LaneRow = {
  address: '10.0.0.1',
  provider: 'google',
  pool: 'marketing',
  phase: 'ramping',
  stage: 3,
  ceiling: 100,
  normal: 1_000,
  pauseReasons: [],
  rampId: 'r',
  evidenceSince: 0,
  clean: 0,
  evaluated: null,
  advanced: null,
  revision: 1,
  phaseSince: 0,
  lastSentAt: noon,
  node: 'local',
  ehloName: 'mta.example.com',
  overflow: 'warm-peers',
  calendar,
  segment: null,
};

function grant(change: Partial<GrantRow> = {}): GrantRow {
  const { index: windowIndex, start, end, sendFrom, sendTo } = window;
  const counted = { units: 100, peakUnits: 100, planUnits: 100, handed: 0, hours: Array(25).fill(0) };
  return {
    windowIndex,
    start,
    end,
    sendFrom,
    sendTo,
    ...counted,
    revision: 1,
    origin: 'decided',
    carried: 0,
    seq: 0,
    ...change,
  };
}

const hold: Hold = {
  id: 7,
  scope: 'lane',
  target: '10.0.0.1 google',
  reach: 'cold',
  cause: 'gate:deferral',
  actor: 'rampart',
  reason: 'deferral 9 of 20',
  since: 0,
  until: null,
};

const binds = (change: Partial<BindingInput> & { phase?: LaneRow['phase'] }) => {
  const { phase = 'ramping', ...rest } = change;
  const input = { cold: true, holds: [], mta: true, window, grant: grant(), previous: undefined, now: noon };
  return whatBinds({ ...input, lane: { ...lane, phase }, ...rest });
};

test('a planned lane names the command that starts it', () => {
  assert.deepEqual(binds({ phase: 'planned' }).says, 'not started: ./rampart warmup start 10.0.0.1');
});

test('a planned lane whose address waits in a range says when it begins, or what keeps it', () => {
  const turn = { address: '10.0.0.1', range: 'r', written: '10.0.0.0/29', dueAt: noon + 86_400_000, says: null };
  assert.equal(binds({ phase: 'planned', turn }).says, 'begins 2026-03-03 12:00, its turn in range 10.0.0.0/29');
  assert.match(
    binds({ phase: 'planned', turn: { ...turn, dueAt: noon - 1 } }).says,
    /came 2026-03-02 .* see \.\/rampart doctor/,
  );
  const says = 'a neighbour is quarantined';
  assert.equal(binds({ phase: 'planned', turn: { ...turn, says } }).says, `waits in range 10.0.0.0/29: ${says}`);
});

test('a grant that the joint budget made smaller says so, and sends nobody to the gates', () => {
  const joint = { budget: 500, bestDay: 120, lanes: 11, wanted: 550, trimmed: 50 };
  const used = binds({ grant: grant({ units: 0, peakUnits: 0, handed: 0, planUnits: 50 }), joint });
  assert.equal(
    used.says,
    '0 of 0 used, and its plan says 50: the 11 cold lanes of pool marketing may send 500 there together today',
  );
  assert.deepEqual([used.rule, used.change], ['grant', null]);
  assert.equal(binds({ grant: grant({ handed: 100 }), joint }).says, '100 of 100 used', 'what fits is not its doing');
});

test('a hold binds before a grant does, and its cause is named', () => {
  const binding = binds({ holds: [hold], grant: undefined });
  assert.equal(binding.rule, 'hold');
  assert.match(binding.says, /hold 7 on lane 10\.0\.0\.1 google \(gate:deferral\) by rampart: deferral 9 of 20/);
});

test('the way out of quarantine names what holds it: a list, the whole address, or the lane', () => {
  const way = (change: Partial<Hold>) => binds({ phase: 'quarantined', holds: [{ ...hold, ...change }] }).change;
  const address = { scope: 'address', target: '10.0.0.1', reach: 'all' } as const;
  assert.equal(
    way({ ...address, cause: 'incident:dnsbl:zen.example' }),
    "removal at zen.example: it is asked every day, and ends this; or ./rampart warmup resume 10.0.0.1 --reason '…'",
  );
  assert.equal(way({ ...address, cause: 'incident:snds:red:4' }), "./rampart warmup resume 10.0.0.1 --reason '…'");
  const pause = { ...hold, ...address, reach: 'cold', cause: 'operator' } as const;
  const both = binds({ phase: 'quarantined', holds: [pause, { ...hold, cause: 'incident:s3150' }] });
  assert.match(both.change ?? '', /--provider google/, 'a pause of the address is no way out of a refusal');
  assert.match(
    way({ cause: 'incident:s3150' }) ?? '',
    /resume 10\.0\.0\.1 --provider google .*, once google has delisted it$/,
  );
});

test('a hold for cold lanes does not bind a warm one', () => {
  assert.equal(binds({ phase: 'warm', cold: false, holds: [hold] }).rule, 'none');
  assert.equal(binds({ phase: 'warm', cold: true, holds: [hold] }).rule, 'hold', 'an idle warm lane counts as cold');
});

test('without an MTA process nothing leaves, whatever is granted', () => {
  assert.equal(binds({ mta: false }).rule, 'mta');
});

test('a cold lane without a grant says whether the day or the decision is missing', () => {
  assert.equal(binds({ grant: undefined }).rule, 'grant');
  const sunday = windowOf(noon - 86_400_000, calendar);
  assert.deepEqual(binds({ grant: undefined, window: sunday }), {
    rule: 'window',
    says: 'not a send day',
    nextAt: sunday.end,
    change: 'calendar (or plans.<name>.calendar) in the configuration',
  });
});

test('send days and hours say when mail goes next, over days without any', () => {
  const office = { ...calendar, sendHours: { from: 8, to: 20 } };
  const at = (day: number, hour: number) => {
    const now = Date.UTC(2026, 2, day, hour);
    const open = windowOf(now, office);
    const { start, end, sendFrom, sendTo, index: windowIndex } = open;
    const nothing = open.sends ? {} : { units: 0, peakUnits: 0 };
    const written = grant({ start, end, sendFrom, sendTo, windowIndex, ...nothing });
    const input = { cold: true, holds: [], mta: true, window: open, grant: written, previous: undefined, now };
    return whatBinds({ ...input, lane: { ...lane, calendar: office } });
  };
  const monday = Date.UTC(2026, 2, 9, 8);
  // 2026-03-07 is a Saturday: its grant is of nothing.
  assert.deepEqual([at(7, 3).says, at(7, 3).nextAt], ['not a send day', monday]);
  assert.deepEqual([at(6, 21).says, at(6, 21).nextAt], ['outside the send hours', monday], 'Friday evening');
  assert.equal(at(9, 3).nextAt, monday, 'before the hours of a send day');
});

test('a used grant ends with its window', () => {
  const binding = binds({ grant: grant({ handed: 100 }) });
  const change = "./rampart warmup advance 10.0.0.1 --provider google --reason '…'";
  assert.deepEqual(binding, { rule: 'grant', says: '100 of 100 used', nextAt: window.end, change });
});

test('pacing says when the next unit is due', () => {
  const binding = binds({ grant: grant({ handed: 60 }) });
  assert.equal(binding.rule, 'pace');
  assert.ok(binding.nextAt !== null && binding.nextAt > noon && binding.nextAt < window.end);
});

test('a carried grant says that nobody decided it', () => {
  assert.match(
    binds({ grant: grant({ origin: 'carried', carried: 2 }) }).says,
    /the grant is carried \(2 of 3 windows\)/,
  );
});
