/** What an evaluation that an operator asked for did to the lanes it was asked about. */
import { ADVANCED_ALREADY } from '../../policy/decide.ts';
import type { Queryable } from '../../store/connect.ts';
import { decisionsOfOperation } from '../../store/decisions.ts';
import type { LaneRow } from '../../store/lanes.ts';
import type { LaneOutcome } from '../../temporal/contracts.ts';

export async function asked(
  db: Queryable,
  operationId: string,
  lanes: readonly LaneRow[],
  providers: readonly string[],
): Promise<LaneOutcome[]> {
  const address = lanes[0]?.address ?? '';
  const rows = await decisionsOfOperation(db, operationId);
  return providers.map((provider): LaneOutcome => {
    const row = rows.find((one) => one.provider === provider);
    if (row === undefined) return { provider, done: false, says: 'can not be judged on a day without sending' };
    if (row.kind === 'advance')
      return {
        provider,
        done: true,
        says: `advances: ${row.fromCeiling} → ${row.toCeiling} a day from the next window on`,
      };
    if (row.kind === 'complete') return { provider, done: true, says: `is warm at ${row.toCeiling} a day` };
    const why = row.reason.replace(/^asked by .*?\): /, '');
    // Nothing raises a lane twice in a day: a promotion would not either.
    if (why.startsWith(ADVANCED_ALREADY)) return { provider, done: false, says: `does not advance: ${why}` };
    const way = `./rampart warmup promote ${address} --provider ${provider} overrides one step`;
    return { provider, done: false, says: `does not pass: ${why} (${way})` };
  });
}
