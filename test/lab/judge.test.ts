import assert from 'node:assert/strict';
import test from 'node:test';
import { type GrantRow, type JudgeInput, judge } from '../../lab/judge.ts';
import type { DataLine, InjectedLine, RcptLine } from '../../lab/records.ts';

const A = '127.10.0.11';
const WINDOW = 10_000;
const GUARD = 200; // 2% of the window

function grant(windowIndex: number, units: number, more: Partial<GrantRow> = {}): GrantRow {
  const start = windowIndex * WINDOW;
  return {
    address: A,
    provider: 'google',
    windowIndex,
    start,
    end: start + WINDOW,
    units,
    planCeiling: units,
    cold: true,
    ...more,
  };
}

function rcpt(t: number, more: Partial<RcptLine> = {}): RcptLine {
  return {
    kind: 'rcpt',
    t,
    tx: `tx-${t}`,
    provider: 'google',
    mxIp: '127.20.1.1',
    sourceIp: A,
    rcpt: 'r@gmail.com',
    mailFrom: 'b@x.example',
    ehlo: 'mta',
    code: 250,
    text: 'OK',
    ...more,
  };
}

function data(t: number, messageId: string, more: Partial<DataLine> = {}): DataLine {
  return {
    kind: 'data',
    t,
    tx: `tx-${t}`,
    provider: 'google',
    sourceIp: A,
    mailFrom: 'b@x.example',
    rcpts: ['r@gmail.com'],
    messageId,
    campaign: null,
    code: 250,
    text: 'OK',
    accepted: true,
    placement: 'inbox',
    ...more,
  };
}

function injected(t: number, messageId: string): InjectedLine {
  return { t, messageId, rcpt: 'r@gmail.com', provider: 'google', campaign: 'daily', segment: 'all' };
}

function verdict(input: Partial<JudgeInput>) {
  return judge({ received: [], injected: [], grants: [], queued: [], bounced: [], expired: [], probes: [], ...input });
}

test('as many recipients as granted are no more than granted', () => {
  const result = verdict({ grants: [grant(0, 2)], received: [rcpt(0), rcpt(9_999), data(9_999, '<m>')] });
  assert.deepEqual(result.perLaneWindow, [
    {
      address: A,
      provider: 'google',
      windowIndex: 0,
      start: 0,
      end: WINDOW,
      grant: 2,
      received: 2,
      accepted: 1,
      over: 0,
    },
  ]);
  assert.deepEqual([result.overPairs, result.ungranted], [[], []]);
});

test('one recipient too many is over, deferred ones count as well', () => {
  const result = verdict({ grants: [grant(0, 2)], received: [rcpt(1), rcpt(2, { code: 451 }), rcpt(3)] });
  assert.equal(result.perLaneWindow[0]?.over, 1);
});

test('a recipient late by less than the guard time may use what the window before has left', () => {
  const grants = [grant(0, 2), grant(1, 1)];
  const late = verdict({ grants, received: [rcpt(1), rcpt(WINDOW + GUARD - 1), rcpt(WINDOW + 500)] });
  assert.deepEqual(
    late.perLaneWindow.map((one) => one.over),
    [0, 0],
  );
  const tooLate = verdict({ grants, received: [rcpt(1), rcpt(WINDOW + GUARD), rcpt(WINDOW + 500)] });
  assert.deepEqual(
    tooLate.perLaneWindow.map((one) => one.over),
    [0, 1],
  );
  const noRoom = verdict({ grants, received: [rcpt(1), rcpt(2), rcpt(WINDOW + 1), rcpt(WINDOW + 500)] });
  assert.deepEqual(
    noRoom.perLaneWindow.map((one) => one.over),
    [0, 1],
  );
});

test('early recipients have no tolerance', () => {
  const result = verdict({ grants: [grant(0, 1), grant(1, 1)], received: [rcpt(1), rcpt(WINDOW - 1)] });
  assert.deepEqual(
    result.perLaneWindow.map((one) => one.over),
    [1, 0],
  );
});

test('the guard time is at most five seconds', () => {
  const long = { start: 0, end: 86_400_000 };
  const next = { start: 86_400_000, end: 2 * 86_400_000 };
  const grants = [grant(0, 1, long), grant(1, 0, next)];
  assert.equal(verdict({ grants, received: [rcpt(86_400_000 + 4_999)] }).perLaneWindow[1]?.over, 0);
  assert.equal(verdict({ grants, received: [rcpt(86_400_000 + 5_000)] }).perLaneWindow[1]?.over, 1);
});

test('two adjacent windows are strict: late ones of a window before them still count', () => {
  const grants = [grant(0, 1), grant(1, 1), grant(2, 1)];
  const received = [rcpt(WINDOW + 1), rcpt(WINDOW + 2), rcpt(2 * WINDOW + 500)];
  const result = verdict({ grants, received });
  assert.deepEqual(
    result.perLaneWindow.map((one) => one.over),
    [0, 0, 0],
  );
  assert.deepEqual(result.overPairs, [{ address: A, provider: 'google', windowIndex: 1, grants: 2, received: 3 }]);
});

test('windows with a gap between them are no pair', () => {
  const result = verdict({ grants: [grant(0, 1), grant(2, 1)], received: [rcpt(1), rcpt(2), rcpt(2 * WINDOW + 500)] });
  assert.deepEqual(result.overPairs, []);
  assert.equal(result.perLaneWindow[0]?.over, 1);
});

test('a cold lane that sends before, between or after its grants is found out', () => {
  const grants = [grant(1, 5), grant(3, 5)];
  const received = [rcpt(100), rcpt(2 * WINDOW + 5_000), rcpt(5 * WINDOW)];
  assert.deepEqual(
    verdict({ grants, received }).ungranted.map((one) => one.t),
    [100, 2 * WINDOW + 5_000, 5 * WINDOW],
  );
  const justLate = verdict({ grants: [grant(0, 0)], received: [rcpt(WINDOW + 1)] });
  assert.deepEqual(justLate.ungranted, []);
  assert.equal(justLate.perLaneWindow[0]?.over, 1, 'a late one is charged even if no window follows');
});

test('a lane that became warm may send after its last grant, a warm or foreign lane is not judged', () => {
  const grants = [grant(0, 1), grant(1, 1, { cold: false })];
  assert.deepEqual(verdict({ grants, received: [rcpt(9 * WINDOW)] }).ungranted, []);
  assert.deepEqual(verdict({ grants: [grant(0, 1)], received: [rcpt(1, { sourceIp: '127.10.0.99' })] }).ungranted, []);
  assert.deepEqual(verdict({ grants: [grant(1, 1, { cold: false })], received: [rcpt(1)] }).ungranted, []);
});

test('lanes are judged apart', () => {
  const grants = [grant(0, 1), grant(0, 1, { provider: 'yahoo' })];
  const received = [rcpt(1), rcpt(2, { provider: 'yahoo' })];
  assert.deepEqual(
    verdict({ grants, received }).perLaneWindow.map((one) => one.over),
    [0, 0],
  );
});

test('two grants for one lane window are refused', () => {
  assert.throws(() => verdict({ grants: [grant(0, 1), grant(0, 2)] }), /overlap in window 0/);
});

test('a message accepted twice for one recipient is a duplicate, for two recipients it is not', () => {
  const received = [data(1, '<a>'), data(2, '<a>'), data(3, '<b>'), data(4, '<b>', { rcpts: ['other@gmail.com'] })];
  assert.deepEqual(verdict({ received }).duplicates, [{ messageId: '<a>', rcpt: 'r@gmail.com', times: 2 }]);
  const deferredFirst = [data(1, '<a>', { accepted: false, code: 451 }), data(2, '<a>')];
  assert.deepEqual(verdict({ received: deferredFirst }).duplicates, []);
});

test('an injected message is lost unless it was accepted, waits, bounced or expired', () => {
  const ids = ['<ok>', '<queued>', '<bounced>', '<expired>', '<lost>', '<deferred>'];
  const result = verdict({
    injected: ids.map((id) => injected(1, id)),
    received: [data(1, '<ok>'), data(2, '<deferred>', { accepted: false, code: 451 })],
    queued: ['<queued>'],
    bounced: ['<bounced>'],
    expired: ['<expired>'],
  });
  assert.deepEqual(result.lost, ['<lost>', '<deferred>']);
});

test('what nobody injected is unknown, probes are not', () => {
  const result = verdict({ received: [data(1, '<stray>'), data(2, '<probe>')], probes: ['<probe>'] });
  assert.deepEqual(result.unknown, ['<stray>']);
});

test('totals and arrivals are counted by lane and window', () => {
  const received = [rcpt(1), data(1, '<a>'), rcpt(2, { code: 451 }), rcpt(3, { code: 550 })];
  const result = verdict({
    grants: [grant(0, 9), grant(1, 9)],
    received,
    injected: [injected(1, '<a>'), injected(WINDOW, '<b>')],
  });
  assert.deepEqual(result.totals, [
    { address: A, provider: 'google', received: 3, accepted: 1, deferred: 1, refused: 1 },
  ]);
  assert.deepEqual(result.arrivals, [
    { provider: 'google', windowIndex: 0, injected: 1 },
    { provider: 'google', windowIndex: 1, injected: 1 },
  ]);
});
