import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mayMove, type Overflow, type OverflowPool, overflowProblem, reachOf } from '../../policy/overflow.ts';
import { REPLY_RULES } from '../../policy/reply-rules.ts';

const pool = (overflow: Overflow, kind: 'warm' | 'cold' | 'upstream' = 'warm'): OverflowPool => ({
  overflow,
  upstream: kind === 'upstream',
  warm: kind === 'warm',
});

test('a pool overflows to a pool that exists, is another, does not overflow further and can take mail', () => {
  const problem = (overflow: Overflow) =>
    overflowProblem(
      'news',
      new Map([
        ['news', pool(overflow)],
        ['reserve', pool('wait')],
        ['chained', pool('pool:reserve')],
        ['cold', pool('wait', 'cold')],
        ['legacy', pool('wait', 'upstream')],
      ]),
    );
  for (const fine of ['warm-peers', 'wait', 'refuse', 'pool:reserve', 'pool:legacy'] as const)
    assert.equal(problem(fine), null, fine);
  assert.match(problem('pool:news') ?? '', /itself/);
  assert.match(problem('pool:reserv') ?? '', /no pool is called "reserv" \(known: reserve, chained, cold, legacy\)/);
  assert.match(problem('pool:chained') ?? '', /overflows to pool reserve itself: mail moves once/);
  assert.match(problem('pool:cold') ?? '', /no address with standing 'warm'/);
});

test('no configuration without problems has a chain or a cycle', () => {
  const names = ['a', 'b', 'c', 'd'];
  const overflow = fc.constantFrom<Overflow>(
    'warm-peers',
    'wait',
    'refuse',
    ...names.map((one) => `pool:${one}` as const),
  );
  fc.assert(
    fc.property(fc.array(overflow, { minLength: 4, maxLength: 4 }), (chosen) => {
      const pools = new Map(names.map((name, n) => [name, pool(chosen[n] as Overflow)]));
      if (names.some((name) => overflowProblem(name, pools) !== null)) return;
      for (const name of names) {
        const first = pools.get(name)?.overflow ?? '';
        if (!first.startsWith('pool:')) continue;
        assert.notEqual(first, `pool:${name}`);
        assert.ok(!pools.get(first.slice(5))?.overflow.startsWith('pool:'), `${name} goes two steps`);
      }
    }),
  );
});

const A = '198.51.100.8';
const NEIGHBOUR = '198.51.100.9';
const FAR = '203.0.113.8';

test('what is said of a domain, a link or the message goes to no other address; of a network, not to a neighbour', () => {
  const classes = [
    'throttle',
    'reputation',
    'block',
    'listing',
    'auth',
    'identity',
    'policy',
    'content',
    'greylist',
  ] as const;
  for (const kind of classes) {
    for (const scope of ['domain', 'url'] as const) {
      assert.equal(mayMove({ class: kind, scope }, A, NEIGHBOUR), false, `${kind} ${scope}`);
      assert.equal(mayMove({ class: kind, scope }, A, FAR), false, `${kind} ${scope}`);
    }
    assert.equal(mayMove({ class: kind, scope: 'netblock' }, A, NEIGHBOUR), false, `${kind} netblock`);
  }
  assert.equal(mayMove({ class: 'block', scope: 'netblock' }, A, FAR), true);
  assert.equal(mayMove({ class: 'block', scope: 'ip' }, A, NEIGHBOUR), true);
  assert.equal(mayMove({ class: 'identity', scope: 'ip' }, A, NEIGHBOUR), true, 'another address has another PTR name');
  for (const kind of ['content', 'policy', 'auth', 'recipient'] as const)
    assert.equal(mayMove({ class: kind, scope: 'message' }, A, FAR), false, kind);
  for (const kind of ['greylist', 'infrastructure', 'mailbox-full', 'throttle'] as const)
    assert.equal(mayMove({ class: kind, scope: 'message' }, A, FAR), true, kind);
});

test('every reply rule about a domain or a link keeps its mail where it is', () => {
  const rules = REPLY_RULES.filter(({ scope }) => scope === 'domain' || scope === 'url');
  assert.ok(rules.length > 0);
  for (const rule of rules)
    assert.equal(reachOf({ class: rule.class, scope: rule.scope as 'domain' | 'url' }), 'stays', rule.id);
});
