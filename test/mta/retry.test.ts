import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Retry, type RetryInput, retryAfter } from '../../mta/egress/retry.ts';
import type { ReplyClass, ReplyScope } from '../../policy/replies.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

function after(input: Partial<RetryInput>): Retry {
  return retryAfter({
    class: 'infrastructure',
    scope: 'message',
    attempts: 1,
    firstAt: 0,
    now: 0,
    scale: 1,
    random: 0.5,
    ...input,
  });
}

describe('the next attempt', () => {
  for (const [kind, minutes] of [
    ['greylist', [5, 10, 20, 20, 20]],
    ['throttle', [30, 60, 120, 240, 240]],
    ['reputation', [30, 60, 120, 240, 240]],
    ['mailbox-full', [240, 240, 240, 240, 240, 240]],
    ['infrastructure', [5, 15, 30, 60, 60]],
    ['policy', [30, 60, 120, 240, 240]],
  ] as const) {
    test(`after ${kind} comes after ${minutes.join(', ')} min`, () => {
      const delays = minutes.map((_, n) => after({ class: kind, attempts: n + 1 }).delay / MINUTE);
      assert.deepEqual(delays.map(Math.round), [...minutes]);
    });
  }

  test('a mailbox that is full after six retries is left; nothing else is given up before it expires', () => {
    assert.equal(after({ class: 'mailbox-full', attempts: 6 }).giveUp, false);
    assert.equal(after({ class: 'mailbox-full', attempts: 7 }).giveUp, true);
    for (const kind of ['greylist', 'throttle', 'reputation', 'infrastructure', 'policy', 'content'] as const) {
      assert.equal(after({ class: kind, attempts: 1_000 }).giveUp, false);
    }
  });

  test('leaves the address only after four hours of throttling by address', () => {
    for (const kind of ['throttle', 'reputation'] as const) {
      assert.equal(after({ class: kind, scope: 'ip', now: 4 * HOUR - 1 }).free, false);
      assert.equal(after({ class: kind, scope: 'ip', now: 4 * HOUR }).free, true);
      for (const scope of ['netblock', 'domain', 'url', 'recipient', 'message'] as const) {
        assert.equal(after({ class: kind, scope, now: 400 * HOUR }).free, false, scope);
      }
    }
    for (const kind of ['greylist', 'mailbox-full', 'infrastructure', 'content'] as const) {
      assert.equal(after({ class: kind, scope: 'ip', now: 400 * HOUR }).free, false);
    }
  });

  test('is within ±20% of its step, in plan time, whatever the class and number', () => {
    const classes = fc.constantFrom<ReplyClass>('greylist', 'throttle', 'mailbox-full', 'infrastructure', 'auth');
    const scopes = fc.constantFrom<ReplyScope>('ip', 'domain', 'message');
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const scale = fc.double({ min: 1e-5, max: 1, noNaN: true });
    fc.assert(
      fc.property(classes, scopes, fc.integer({ min: 1, max: 50 }), random, scale, (kind, scope, attempts, r, s) => {
        const middle = after({ class: kind, scope, attempts }).delay * s;
        const { delay } = after({ class: kind, scope, attempts, random: r, scale: s });
        assert.ok(delay >= middle * 0.8 - 1e-6 && delay <= middle * 1.2 + 1e-6);
      }),
    );
  });
});
