import { queueTotals, waitingGroups } from '../../store/queue-views.ts';
import { CONFIG_OPTION, type Command } from '../command.ts';
import { withStore } from '../instance.ts';
import { fit } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { span } from '../terminal/time.ts';

const GROUPS = 40;
const REASON = 90;

/** What waits, by pool, provider and reason. Reads PostgreSQL only. */
export const mtaQueue: Command = {
  usage: '',
  options: [CONFIG_OPTION],
  example: './rampart mta queue',
  positionals: [0, 0],
  run(invocation) {
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const totals = await queueTotals(store);
      const groups = await waitingGroups(store, GROUPS);
      const rows = groups.map((one) => [
        one.pool,
        one.provider ?? '(not routed)',
        one.stream,
        String(one.recipients),
        String(one.claimed),
        span(now - one.oldest),
        one.nextDue <= now ? 'now' : `in ${span(one.nextDue - now)}`,
        fit(one.reason ?? 'not tried yet', REASON),
      ]);
      const heading = ['pool', 'provider', 'stream', 'waiting', 'in hand', 'oldest', 'next', 'why'];
      const summary = `${totals.waiting} recipients wait: ${totals.due} due now, ${totals.claimed} in hand, ${totals.unrouted} not routed yet`;
      return {
        json: { at: now, totals, groups },
        lines: totals.waiting === 0 ? ['nothing waits'] : [summary, ...table(heading, rows)],
      };
    });
  },
};
