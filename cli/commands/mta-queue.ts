import { queueTotals, waitingGroups } from '../../store/queue-views.ts';
import { queuedRecipients } from '../../store/queued-mail.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { fit } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { span } from '../terminal/time.ts';
import { configuredLimits } from '../why/configured.ts';
import { whyQueued } from '../why/gather.ts';
import type { RecipientReason } from '../why/recipient.ts';
import { whyText } from '../why/text.ts';

interface Said {
  readonly reason: string | null;
  /** Of one recipient of the group; null: it ended meanwhile. */
  readonly binds: RecipientReason | null;
}

const GROUPS = 40;
const REASON = 90;

/**
 * What waits, by pool, provider and reason, and the command that changes it. Why is what `why` says of one recipient of the
 * group now: what is held is looked at by nobody, and would say nothing by itself. Reads PostgreSQL only.
 */
export const mtaQueue: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart mta queue',
  positionals: [0, 0],
  run(invocation) {
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const { tenantShare } = await configuredLimits(invocation);
      const totals = await queueTotals(store);
      const groups = await waitingGroups(store, GROUPS);
      const samples = await queuedRecipients(
        store,
        groups.map((one) => one.sample),
      );
      const reasons = new Map((await whyQueued(store, samples, now, tenantShare)).map((one) => [one.recipient, one]));
      const said = groups.map((one) => ({ ...one, binds: reasons.get(one.sample) ?? null }));
      const rows = said.map((one) => [
        one.pool,
        one.provider ?? '(not routed)',
        one.stream,
        String(one.recipients),
        String(one.claimed),
        span(now - one.oldest),
        one.nextDue <= now ? 'now' : `in ${span(one.nextDue - now)}`,
        fit(whyText(one.reason, one.binds), REASON),
      ]);
      const heading = ['pool', 'provider', 'stream', 'waiting', 'in hand', 'oldest', 'next', 'why'];
      const summary = `${totals.waiting} recipients wait: ${totals.due} due now, ${totals.claimed} in hand, ${totals.unrouted} not routed yet`;
      return {
        json: { at: now, totals, groups: said },
        lines: totals.waiting === 0 ? ['nothing waits'] : [summary, ...table(heading, rows), '', ...changes(said)],
      };
    });
  },
};

/** Each way to change something once, with the first group it is for. */
function changes(groups: readonly (Said & { pool: string; provider: string | null; sample: number })[]): string[] {
  const known = new Map<string, string>();
  for (const { pool, provider, binds } of groups) {
    // Mail that waits for its own date or retry does not go sooner for what one of its lanes lacks.
    const ofLanes = binds?.rule === 'lanes' ? binds.lanes.find((one) => one.change !== null) : undefined;
    const change = binds?.change ?? ofLanes?.change ?? null;
    if (change !== null && !known.has(change)) known.set(change, `${pool} ${provider ?? '(not routed)'}`);
  }
  const lines = [...known].map(([change, where]) => `  ${where}: ${change}`);
  return [...(lines.length === 0 ? [] : ['to change:', ...lines]), 'one of them, lane by lane: ./rampart why MESSAGE'];
}
