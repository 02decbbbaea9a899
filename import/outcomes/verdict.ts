/** What an event means in our own words: the same classes, scopes and severities as the answers our own mail gets. */
import { classifyReply, type ReplyClass, type ReplyScope, UNKNOWN_PROVIDER } from '../../policy/replies.ts';
import { byCategory } from './categories.ts';
import type { LegacyEvent } from './event.ts';

export type LegacyKind = 'accepted' | 'delivered' | 'deferred' | 'hard' | 'soft' | 'blocked' | 'expired' | 'complaint';

export interface LegacyVerdict {
  readonly kind: LegacyKind;
  readonly class: ReplyClass | null;
  readonly scope: ReplyScope | null;
  readonly rule: string | null;
}

const PLAIN = { class: null, scope: null, rule: null } as const;

/** Reads an event; `provider` is whose mailbox it is about, null where nobody knows. */
export function verdictOf(event: LegacyEvent, provider: string | null): LegacyVerdict {
  const { outcome, reply, category } = event;
  if (outcome === 'accepted' || outcome === 'delivered' || outcome === 'complaint') return { kind: outcome, ...PLAIN };
  if (reply === null || reply.code < 400) {
    const read = byCategory(category ?? '');
    if (outcome === 'deferred') return { ...read, kind: 'deferred' };
    return { ...read, kind: outcome === 'expired' ? 'expired' : read.kind };
  }
  const {
    severity,
    class: replyClass,
    scope,
    rule,
  } = classifyReply({ ...reply, provider: provider ?? UNKNOWN_PROVIDER });
  const read = { class: replyClass, scope, rule };
  if (outcome === 'expired') return { kind: 'expired', ...read };
  // A 5xx that the engine tries again is a block all the same: ours is counted so, too.
  if (outcome === 'deferred') return { kind: severity === 'blocked' ? 'blocked' : 'deferred', ...read };
  // It was given up: what we would have tried again is a message that bounced.
  return { kind: severity === 'hard' || severity === 'blocked' ? severity : 'soft', ...read };
}
