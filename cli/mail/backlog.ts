/** How much mail waits and how old it is, in a line. */
import type { Matched } from '../../store/queue-filter.ts';
import { ago } from '../terminal/time.ts';

export function backlogText({ recipients, attempted, oldest, claimed }: Matched, now: number): string {
  if (recipients === 0 || oldest === null) return 'no mail waits there now';
  const tried = attempted === 0 ? 'none tried yet' : `${attempted} of them tried before`;
  const inHand = claimed === 0 ? '' : `, ${claimed} being sent right now`;
  return `${recipients} ${recipients === 1 ? 'recipient waits' : 'recipients wait'} (${tried}${inHand}), the oldest since ${ago(oldest, now)}`;
}
