/** What mail that is not due yet waits for: its own date, its turn to go back to an old arm, a retry, or something of ours. Pure. */
import { reachOf } from '../../policy/overflow.ts';
import type { ReplyClass } from '../../policy/replies.ts';
import type { QueuedMail } from '../../store/queued-mail.ts';
import { span, stamp } from '../terminal/time.ts';

export interface NotDue {
  readonly rule: 'not-before' | 'release' | 'retry' | 'put-off';
  readonly says: string;
  readonly change: string | null;
}

/** Classes of a deferral as people call them; each has its own patience (mta/egress/retry.ts). */
const CALLED: Partial<Record<ReplyClass, string>> = {
  greylist: 'greylisted',
  throttle: 'throttled',
  reputation: 'deferred for our reputation',
  'mailbox-full': 'its mailbox is full',
  infrastructure: 'trouble of the remote',
};

export function untilDue(mail: QueuedMail, now: number): NotDue {
  const { attempts, reason, last, due } = mail;
  const left = span(due - now);
  if (attempts === 0 && reason === null)
    return {
      rule: 'not-before',
      says: `not before ${stamp(due, 'UTC')} UTC, in ${left}: its sender said so (X-Rampart-Not-Before)`,
      change: null,
    };
  // As mta/arms/mover.ts writes it.
  if (mail.front !== null && reason?.startsWith('went back to '))
    return {
      rule: 'release',
      says: `goes back to ${mail.pool} in ${left}: what a rollback returns is paced by what that arm took before`,
      change: `./rampart cutover rollback ${mail.front} --per-day N --reason '…'`,
    };
  if (attempts === 0 || (last !== null && reason !== null && !sameWords(last.reply, reason)))
    return { rule: 'put-off', says: `put off for ${left}: ${reason ?? 'nothing was said'}`, change: null };
  const called =
    last === null ? '' : `${CALLED[last.class] ?? last.class}${last.host === null ? '' : ` by ${last.host}`}: `;
  const said = last?.reply ?? reason;
  return {
    rule: 'retry',
    says: `${called}waits ${left} for its next attempt (${attempts} made)${said === null ? '' : `; last: ${said}`}${staying(mail)}`,
    change: null,
  };
}

/** The queue keeps the beginning of a long reply. */
function sameWords(reply: string, reason: string): boolean {
  return reply.startsWith(reason) || reason.startsWith(reply);
}

/** A refusal that would follow the mail keeps it where it is, whatever its lane's overflow. */
function staying({ address, last }: QueuedMail): string {
  if (address === null || last === null) return '';
  if (reachOf(last) !== 'stays') return `; from ${address} again`;
  return `; it stays with ${address}: the refusal is about the ${last.scope === 'ip' ? 'mail' : last.scope}, and would follow it to any other`;
}
