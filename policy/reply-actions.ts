/**
 * What a verdict on a reply leads to, in one word of a closed list: for people, for reports and for `rampart classify`.
 * The MTA acts on the verdict itself; this says the same in short.
 */
import type { ReplyVerdict, Severity } from './replies.ts';

/**
 * `none`: delivered. `suppress`: bounce, and never write to this recipient again. `bounce`: this message ends.
 * `retry`: try again later. `slow`: the same, and send less. `other-address`: this address is refused; a warm one of the
 * pool may try, else it bounces. `stop-lane`: the same, and the lane stops at once.
 */
export type ReplyAction = 'none' | 'suppress' | 'bounce' | 'retry' | 'slow' | 'other-address' | 'stop-lane';

export function actionOf(verdict: ReplyVerdict): ReplyAction {
  if (verdict.laneFatal) return 'stop-lane';
  switch (verdict.severity) {
    case 'delivered':
      return 'none';
    case 'hard':
      return 'suppress';
    case 'soft':
      return 'bounce';
    case 'blocked':
      return verdict.scope === 'ip' || verdict.scope === 'netblock' ? 'other-address' : 'bounce';
    case 'deferred':
      return SLOWING.includes(verdict.class) && verdict.scope !== 'recipient' ? 'slow' : 'retry';
  }
}

const SLOWING: readonly ReplyVerdict['class'][] = ['throttle', 'reputation', 'block', 'listing'];

/** The three words of reports: only a dead recipient is hard; every other refusal is soft; what may still arrive is none. */
export function severityWord(severity: Severity): 'hard' | 'soft' | 'none' {
  if (severity === 'hard') return 'hard';
  return severity === 'soft' || severity === 'blocked' ? 'soft' : 'none';
}
