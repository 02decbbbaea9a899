/** What a cutover still misses before its canary, in words. Pure. */
import type { Difference } from './differences.ts';
import type { CutoverPlan } from './plan.ts';

export interface Preparation {
  readonly front: string;
  readonly plan: CutoverPlan;
  /** Plan hours since it began to prepare, and messages seen through the old arm since. */
  readonly hours: number;
  readonly messages: number;
  /** null: the two messages are on their way. */
  readonly differences: readonly Difference[] | null;
  readonly open: readonly Difference[];
}

export function unprepared({ front, plan, hours, messages, differences, open }: Preparation): string[] {
  const missing: string[] = [];
  const { baseline } = plan;
  if (hours < baseline.hours && messages < baseline.messages)
    missing.push(
      `the baseline of the old arm takes ${baseline.hours} h or ${baseline.messages} messages (${Math.floor(hours)} h, ${messages} so far)`,
    );
  if (differences === null) missing.push('a message is under way through both arms to a seed, to be compared');
  else if (open.length > 0)
    missing.push(
      `differences between the arms to accept: ${open.map((one) => `${one.name} (old ${one.old}, new ${one.new})`).join('; ')}: ./rampart cutover accept-differences ${front} ${open.map(({ name }) => name).join(' ')} --reason '…'`,
    );
  return missing;
}
