import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AccountInput, accountOf, type Seen } from './account.ts';
import { JOINER, LEAVER, messageIdOf, sourceOf } from './setting.ts';

const uuid = (n: number) => `ff000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const rcpt = (n: number) => `r-${uuid(n)}@yahoo.example`;
const id = (n: number) => messageIdOf(rcpt(n));
const OLD = sourceOf(LEAVER, 'old');
const NEW = sourceOf(LEAVER, 'new');
const copy = (n: number, from: string): Seen => ({ messageId: id(n), rcpt: rcpt(n), mailFrom: 'b@shop.example', from });

function input(change: Partial<AccountInput>): AccountInput {
  return {
    ...{ front: LEAVER, accepted: new Set([id(1), id(2), id(3)]), unknown: new Set([id(4)]), late: new Set() },
    ...{ refused: new Set([rcpt(3)]), doubts: new Map(), taken: [copy(1, OLD), copy(2, NEW)] },
    ...change,
  };
}

test('the account of a cutover finds what it is there for', () => {
  const clean = accountOf(input({}));
  assert.deepEqual(clean.problems, []);
  assert.deepEqual([clean.accepted, clean.delivered, clean.bounced, clean.oldArm, clean.newArm], [3, 2, 1, 1, 1]);
  const problems = (change: Partial<AccountInput>) => accountOf(input(change)).problems.join('\n');
  assert.match(problems({ taken: [copy(1, OLD)] }), /^news: 1 lost: <ff/);
  assert.match(problems({ taken: [copy(1, OLD)], doubts: new Map([[id(2), 1]]) }), /^news: 1 lost after a doubt/);
  const twice = [copy(1, OLD), copy(1, OLD), copy(2, NEW)];
  assert.match(problems({ taken: twice }), /^news: 1 doubled/);
  assert.equal(problems({ taken: twice, doubts: new Map([[id(1), 1]]) }), '');
  assert.match(problems({ taken: [...twice, copy(1, OLD)], doubts: new Map([[id(1), 1]]) }), /1 doubled/);
  const both = [copy(1, OLD), copy(1, NEW), copy(2, NEW)];
  assert.match(problems({ taken: both, doubts: new Map([[id(1), 1]]) }), /1 through both arms/);
  assert.match(problems({ taken: [copy(1, OLD), copy(2, '127.0.0.1')] }), /1 from an address of neither arm/);
  assert.match(problems({ late: new Set([id(1)]) }), /1 of the old arm although all was over/);
  // What the application never heard of may have arrived, once; a stranger's mail is none of ours.
  assert.equal(problems({ taken: [copy(1, OLD), copy(2, NEW), copy(4, NEW), copy(9, '127.0.0.1')] }), '');
  assert.notEqual(sourceOf(JOINER, 'old'), sourceOf(JOINER, 'new'));
});
