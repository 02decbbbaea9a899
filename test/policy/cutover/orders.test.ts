import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { differencesOf, NOT_COMPARED } from '../../../policy/cutover/differences.ts';
import { freezeProblems, frozenBy } from '../../../policy/cutover/freeze.ts';
import { ladderOf, movingAt, pointsOf, rungAfter, rungBelow, rungText } from '../../../policy/cutover/ladder.ts';
import { CUTOVER_PHASES, cutoverAfter, isOver } from '../../../policy/cutover/machine.ts';
import {
  accepted,
  CUTOVER_VERBS,
  fallTo,
  LOWERING,
  movesGiven,
  openDifferences,
  orderOn,
} from '../../../policy/cutover/orders.ts';
import { CUTOVER_PLAN, cutoverPlanProblems, wantsApproval } from '../../../policy/cutover/plan.ts';
import { BUCKETS, STREAMS } from '../../../policy/cutover/split.ts';
import { floorOf, lowered, pointsAt, thresholdsOf } from '../../../policy/cutover/thresholds.ts';

const ladder = ladderOf(CUTOVER_PLAN, {});
const order = (
  verb: (typeof CUTOVER_VERBS)[number],
  state: { phase: (typeof CUTOVER_PHASES)[number]; rung: number },
  over = {},
) => orderOn({ verb, front: 'marketing', state, ladder, open: [], ...over });

test('every order in every phase is an event of the machine, or a refusal that says the way out', () => {
  for (const verb of CUTOVER_VERBS)
    for (const phase of CUTOVER_PHASES)
      for (const rung of [-1, 0, 5, ladder.length - 1]) {
        const result = order(verb, { phase, rung });
        if ('refused' in result) assert.ok(result.refused.length > 10);
        else {
          assert.deepEqual(result.state, cutoverAfter({ phase, rung }, result.event, ladder.length));
          if (LOWERING.includes(verb)) assert.ok(result.state.rung <= rung, `${verb} raised`);
          assert.ok(!isOver(phase));
        }
      }
});

test('a rollback goes to the share it is told, and never up', () => {
  const state = { phase: 'running', rung: 6 } as const;
  assert.equal(pointsOf(ladder, 6), 40);
  const to = (points?: number) => {
    const result = order('rollback', state, { to: points });
    return 'refused' in result ? result.refused : result.state;
  };
  assert.deepEqual(to(), { phase: 'rolled-back', rung: -1 });
  assert.deepEqual(to(20), { phase: 'rolled-back', rung: 4 });
  assert.deepEqual(to(25), { phase: 'rolled-back', rung: 4 });
  assert.deepEqual(to(0), { phase: 'rolled-back', rung: -1 });
  assert.match(String(to(40)), /stands at 40% already/);
  assert.match(String(to(90)), /stands at 40% already/);
});

test('a rollback that names a pace changes what goes back, and not where the line is', () => {
  const again = (rung: number, phase: (typeof CUTOVER_PHASES)[number], to?: number) => {
    const result = order('rollback', { phase, rung }, { to, paces: true });
    return 'refused' in result ? result.refused : [result.event, result.state.phase, result.state.rung];
  };
  assert.deepEqual(again(-1, 'rolled-back'), ['rollback', 'rolled-back', -1]);
  assert.deepEqual(again(4, 'rolled-back', 20), ['rollback', 'rolled-back', 4]);
  assert.deepEqual(again(4, 'rolled-back'), ['rollback', 'rolled-back', -1], 'without --to all goes back');
  assert.match(String(again(4, 'running', 20)), /stands at 20% already/);
  assert.equal(movesGiven({}), undefined);
  assert.deepEqual(movesGiven({ perDay: 0, spreadHours: 2 }), { perDay: { '*': 0 }, spreadMs: 7_200_000 });
});

test('differences that nobody accepted stop a person’s advance too, and are accepted by name', () => {
  const state = { phase: 'preparing', rung: -1 } as const;
  const result = order('advance', state, { open: [NOT_COMPARED] });
  assert.match('refused' in result ? result.refused : '', /accept-differences marketing/);
  assert.deepEqual(openDifferences(null, ['not-compared']), []);
  assert.deepEqual(openDifferences(null, []), [NOT_COMPARED]);
  const found = [{ name: 'links', old: 'a.example', new: 'b.example' }];
  assert.deepEqual(openDifferences(found, ['links']), []);
  assert.deepEqual(accepted('m', found, ['links']), { names: ['links'] });
  assert.ok('refused' in accepted('m', found, ['from']) && 'refused' in accepted('m', null, ['links']));
});

test('the ladder: marketing first, transactional mail last, and what has no mail is passed over', () => {
  assert.deepEqual(
    ladder.slice(0, 3).map(({ marketing }) => marketing),
    [1, 2, 5],
  );
  assert.deepEqual(
    ladder.slice(-3),
    [10, 50, 100].map((transactional) => ({ marketing: 100, transactional })),
  );
  assert.equal(movingAt(ladder, ladder.length - 3), 'transactional');
  assert.equal(
    rungAfter(ladder, 12, () => true),
    13,
  );
  assert.equal(
    rungAfter(ladder, 12, (stream) => stream === 'marketing'),
    ladder.length - 1,
  );
  assert.equal(
    rungAfter(ladder, ladder.length - 1, () => true),
    undefined,
  );
  assert.deepEqual(ladderOf(CUTOVER_PLAN, { streams: ['marketing'] }).at(-1), { marketing: 100, transactional: 0 });
  assert.deepEqual(ladderOf(CUTOVER_PLAN, { streams: ['transactional'] })[0], { marketing: 0, transactional: 1 });
  assert.equal(rungText(ladder, ladder.length - 2), '100% (transactional 50%)');
  assert.equal(rungBelow(ladder, 0.5), -1);
});

test('a retreat’s thresholds are nowhere above its rung, and nowhere above what was', () => {
  const lines = fc.dictionary(
    fc.constantFrom('google', 'yahoo', '__proto__', '*'),
    fc.integer({ min: 0, max: BUCKETS }),
  );
  fc.assert(
    fc.property(lines, lines, fc.integer({ min: -1, max: ladder.length - 1 }), (marketing, transactional, rung) => {
      const before = { marketing: { '*': 0, ...marketing }, transactional: { '*': 0, ...transactional } };
      const { thresholds } = fallTo(before, ladder, rung);
      for (const stream of STREAMS)
        for (const provider of [...Object.keys(before[stream]), 'other']) {
          const now = pointsAt(thresholds, stream, provider);
          assert.ok(now <= pointsAt(before, stream, provider) + 1e-9);
          assert.ok(now <= (ladder[rung]?.[stream] ?? 0) + 1e-9);
        }
    }),
  );
});

test('shares as thresholds: what nobody planned gets the least of all, and a floor is a slice of the forecast', () => {
  const shares = [
    { provider: 'google', stream: 'marketing', points: 20 },
    { provider: 'yahoo', stream: 'marketing', points: 12.5 },
  ] as const;
  const thresholds = thresholdsOf(shares);
  assert.deepEqual(
    [pointsAt(thresholds, 'marketing', 'yahoo'), pointsAt(thresholds, 'marketing', 'gmx')],
    [12.5, 12.5],
  );
  assert.equal(pointsAt(thresholds, 'transactional', 'google'), 0);
  assert.equal(pointsAt(lowered(thresholds, { marketing: 10, transactional: 0 }), 'marketing', 'google'), 10);
  assert.deepEqual(
    floorOf(
      new Map([
        ['google', 100_000],
        ['yahoo', 2_000],
        ['apple', 0],
      ]),
      { messages: 1_000, mostShare: 0.2 },
    ),
    { '*': 0, google: 10_000, yahoo: 200_000, apple: 0 },
  );
});

test('plans: what can not be is said, and approvals name steps', () => {
  assert.deepEqual(cutoverPlanProblems(CUTOVER_PLAN), []);
  const problems = (over: object) => cutoverPlanProblems({ ...CUTOVER_PLAN, ...over }).length;
  assert.ok(
    problems({ steps: [] }) &&
      problems({ steps: [10, 5, 100] }) &&
      problems({ steps: [10, 50] }) &&
      problems({ steps: [0, 100] }),
  );
  assert.ok(problems({ approve: [33] }) && problems({ freezes: [{ from: 'Fri', to: 'Mon' }] }));
  assert.ok(problems({ webhooks: [{ gate: 'confirm-step', url: 'ftp://x', timeoutMs: 1 }] }));
  assert.deepEqual(
    [10, 20].map((step) => wantsApproval({ ...CUTOVER_PLAN, approve: [10] }, step)),
    [true, false],
  );
  assert.equal(wantsApproval({ ...CUTOVER_PLAN, approve: 'manual' }, 20), true);
});

test('freezes: every week in the calendar’s zone, over midnight and the end of the week, or once', () => {
  const weekend = [{ from: 'Fri 16:00', to: 'Mon 08:00' }];
  const at = (text: string, zone = 'UTC') => frozenBy(weekend, Date.parse(text), zone) !== undefined;
  assert.deepEqual(
    ['2026-11-20T15:59Z', '2026-11-20T16:00Z', '2026-11-22T23:00Z', '2026-11-23T07:59Z', '2026-11-23T08:00Z'].map(
      (one) => at(one),
    ),
    [false, true, true, true, false],
  );
  assert.equal(at('2026-11-20T15:30Z', 'Europe/Berlin'), true);
  const once = [{ from: '2026-12-24T00:00Z', to: '2026-12-27T00:00Z', says: 'Christmas' }];
  assert.equal(frozenBy(once, Date.parse('2026-12-25T00:00Z'), 'UTC')?.says, 'Christmas');
  assert.equal(frozenBy(once, Date.parse('2026-12-27T00:00Z'), 'UTC'), undefined);
  assert.deepEqual(freezeProblems([...weekend, ...once]), []);
  assert.equal(freezeProblems([{ from: 'Fri 16:00', to: '2026-12-27T00:00Z' }]).length, 1);
  assert.equal(freezeProblems([{ from: '2026-12-27T00:00Z', to: '2026-12-24T00:00Z' }]).length, 1);
});

const message = (over: Record<string, string> = {}, body = 'See https://shop.example/a and https://t.example/x') => {
  const fields = {
    'Return-Path': '<bounce-17@bounces.example>',
    'DKIM-Signature': 'v=1; a=rsa-sha256; d=shop.example; s=a; b=x',
    From: 'Shop <news@shop.example>',
    'List-Unsubscribe': '<https://u.example/1>, <mailto:u@u.example>',
    'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    'Feedback-ID': 'a:b:c',
    ...over,
  };
  const head = Object.entries(fields).flatMap(([name, value]) => (value === '' ? [] : [`${name}: ${value}`]));
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}\r\n`);
};

test('two messages: each part that a provider sees differently is named, and nothing else is', () => {
  assert.deepEqual(
    differencesOf(
      message(),
      message({ 'Return-Path': '<v-other@bounces.example>' }, 'Hi https://t.example/y https://shop.example/b'),
    ),
    [],
  );
  const names = (ours: Buffer) => differencesOf(message(), ours).map(({ name }) => name);
  assert.deepEqual(names(message({ 'DKIM-Signature': 'v=1; d=other.example;\r\n s=a; b=x' })), ['dkim-domain']);
  assert.deepEqual(names(message({ From: 'Other <news@shop.example>' })), ['from']);
  assert.deepEqual(names(message({ 'Return-Path': '<x@elsewhere.example>' })), ['return-path-domain']);
  assert.deepEqual(names(message({ 'List-Unsubscribe-Post': '' })), ['list-unsubscribe-post']);
  assert.deepEqual(names(message({ 'Feedback-ID': '' })), ['feedback-id']);
  assert.deepEqual(names(message({ 'List-Unsubscribe': '<https://v.example/1>' })), ['list-unsubscribe']);
  assert.deepEqual(names(message({}, 'See https://shop.example/a and https://track.example/x')), ['links']);
  const encoded = Buffer.from(`<a href="https://hidden.example/">x</a>${' '.repeat(120)}`)
    .toString('base64')
    .replace(/(.{76})/g, '$1\r\n');
  assert.deepEqual(names(message({}, encoded)), ['links']);
  assert.equal(differencesOf(message(), message({ 'Feedback-ID': '' }))[0]?.new, 'none');
});
