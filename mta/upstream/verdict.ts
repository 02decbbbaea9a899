/**
 * What an upstream's answer means. It is another engine of ours, not a mailbox provider: taking a message is `relayed`,
 * never `delivered`, and a refusal says nothing about any address, domain or recipient of ours. Pure.
 */
import type { ReplyVerdict } from '../../policy/replies.ts';
import type { Answer } from '../egress/connection.ts';

export interface UpstreamVerdict extends Pick<ReplyVerdict, 'class' | 'scope'> {
  readonly severity: 'relayed' | 'deferred' | 'soft' | 'in-doubt';
  readonly rule: string;
}

/** Replies about who we are there (RFC 4954 §6): the configuration is wrong, and no message is to blame. */
const SIGN_IN = [530, 534, 535, 538];

/** The upstream as a whole can not be used now: nothing was said about the message. */
export function aboutUpstream(answer: Answer): boolean {
  if (answer.stale) return true;
  if (SIGN_IN.includes(answer.code)) return true;
  return !answer.sent && (answer.code < 500 || answer.stage === 'connect' || answer.stage === 'ehlo');
}

/** An answer to a message. `doubts`: earlier attempts whose answer never came. */
export function upstreamVerdict(answer: Answer): UpstreamVerdict {
  const none = { class: 'infrastructure', scope: 'message' } as const;
  if (answer.lost) return { ...none, severity: 'in-doubt', rule: 'lost-final-reply' };
  if (answer.code === 250) return { class: 'delivered', scope: 'message', severity: 'relayed', rule: 'relayed' };
  // `soft`: the sender is told that it bounced, and the recipient is not suppressed on an engine's word.
  if (answer.code >= 500) return { class: 'policy', scope: 'message', severity: 'soft', rule: 'upstream-refused' };
  return { ...none, severity: 'deferred', rule: 'upstream-deferred' };
}
