import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countsOf, type MigrationInput, migrationConditions, sharesOf } from '../../cli/demo/cutover/verdict.ts';
import type { DataLine, InjectedLine, RcptLine } from '../../lab/records.ts';

const [OLD, NEW] = ['127.10.0.21', '127.10.0.31'];
const id = (n: number) => `<${n}@shop.example>`;
const injected = (n: number, t: number): InjectedLine => ({
  ...{ t, messageId: id(n), rcpt: `r${n}@gmail.com`, provider: 'google', campaign: 'c', segment: 'all' },
});
const taken = (n: number, sourceIp: string): DataLine => ({
  ...{ kind: 'data', t: 0, tx: String(n), provider: 'google', sourceIp, mailFrom: '', rcpts: [`r${n}@gmail.com`] },
  ...{ messageId: id(n), campaign: null, code: 250, text: 'OK', accepted: true, placement: 'inbox' },
});
const refused = (n: number): RcptLine => ({
  ...{
    kind: 'rcpt',
    t: 0,
    tx: String(n),
    provider: 'google',
    mxIp: '127.20.1.1',
    sourceIp: OLD,
    rcpt: `r${n}@gmail.com`,
  },
  ...{ mailFrom: '', ehlo: '', code: 550, text: 'no such user' },
});
const decision = (event: string, at: number, fromShare: number, toShare: number, actor = 'rampart') => ({
  ...{ event, at, fromShare, toShare, actor },
});
const DECISIONS = [
  decision('start', 0, 0, 0, 'demo'),
  decision('advance', 100, 0, 40),
  decision('rollback', 10_000, 40, 0),
  decision('resume', 15_000, 0, 0, 'demo'),
  decision('advance', 20_000, 0, 100),
  decision('complete', 30_000, 100, 100),
];
const none = {
  accepted: 0,
  delivered: 0,
  bounced: 0,
  expired: 0,
  queued: 0,
  relayed: 0,
  relayedDelivered: 0,
  relayedBounced: 0,
};

/** Ten messages at 40% of which four took the new arm, ten after the rollback, ten at 100%; one recipient does not exist. */
function good(over: Partial<MigrationInput> = {}): MigrationInput {
  const times = [
    ...Array.from({ length: 10 }, (_, n) => 1_000 + n),
    ...Array.from({ length: 10 }, (_, n) => 12_000 + n),
  ];
  const mail = [...times, ...Array.from({ length: 10 }, (_, n) => 21_000 + n)].map((t, n) => injected(n, t));
  const arm = (n: number) => (n < 4 || n >= 20 ? NEW : OLD);
  return {
    pools: [
      {
        ...{ front: 'offers', phase: 'done', address: NEW, injected: mail, decisions: DECISIONS },
        ends: { ...none, delivered: 14, relayedDelivered: 15 },
      },
    ],
    received: mail.map((_, n) => (n === 19 ? refused(n) : taken(n, arm(n)))),
    ...{ legacy: OLD, queued: [], expired: [], inDoubt: 0, outcome: 'done', trouble: { pool: 'offers', share: 40 } },
    ...over,
  };
}
const failed = (input: MigrationInput) =>
  migrationConditions(input).flatMap(({ name, holds }) => (holds ? [] : [name]));
const [pool] = good().pools;

test('a run in which everything held', () => {
  assert.deepEqual(failed(good()), []);
  assert.deepEqual(countsOf(good()), {
    ...{ accepted: 30, delivered: 29, bounced: 1, expired: 0, queued: 0, lost: 0, doubled: 0, rollbacks: 1 },
  });
  assert.deepEqual(
    sharesOf(good()).map(({ share, old, new: ours }) => [share, old, ours]),
    [[40, 6, 4], [0, 9, 0], [100, 0, 10]], // biome-ignore format: short
  );
});

test('a lost, a doubled and an uncounted message each fail it', () => {
  const { received } = good();
  assert.match(failed(good({ received: received.slice(1) })).join(), /none lost or doubled/);
  assert.equal(countsOf(good({ received: received.slice(1) })).lost, 1);
  assert.equal(countsOf(good({ received: received.slice(1), queued: [id(0)] })).lost, 0);
  assert.equal(countsOf(good({ received: received.slice(1), expired: [id(0)] })).expired, 1);
  const twice = [...received, taken(2, OLD)];
  assert.match(failed(good({ received: twice })).join(), /none lost or doubled/);
  assert.deepEqual(failed(good({ received: twice, inDoubt: 1 })), []);
  const miscounted = {
    ...pool,
    ends: { ...none, delivered: 13, relayedDelivered: 15 },
  } as MigrationInput['pools'][number];
  assert.deepEqual(failed(good({ pools: [miscounted] })), ['both sides count the same']);
});

test('mail that keeps to the new arm after the rollback, a wrong rollback and a pool left behind each fail it', () => {
  const { received } = good();
  const stubborn = received.map((line, n) => (n === 12 ? taken(12, NEW) : line));
  assert.match(failed(good({ received: stubborn })).join(), /new mail took the old arm/);
  const by = (actor: string, share: number) => ({
    ...(pool as MigrationInput['pools'][number]),
    decisions: DECISIONS.map((one) => (one.event === 'rollback' ? { ...one, actor, fromShare: share } : one)),
  });
  assert.match(failed(good({ pools: [by('ada', 40)] })).join(), /only offers was rolled back/);
  assert.match(failed(good({ pools: [by('rampart', 30)] })).join(), /only offers was rolled back/);
  assert.deepEqual(failed(good({ outcome: null })), ['every pool is done']);
  const greedy = received.map((line, n) => (n < 10 ? taken(n, NEW) : line));
  assert.match(failed(good({ received: greedy })).join(), /no step sent more/);
});
