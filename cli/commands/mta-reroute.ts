import { tx } from '../../store/connect.ts';
import { poolProviders, UPSTREAM } from '../../store/pools.ts';
import { matching, rerouteMatching } from '../../store/queue-filter.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { backlogText } from '../mail/backlog.ts';
import { FILTER_OPTIONS, queueFilter } from '../mail/filter.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';
import { closest } from '../terminal/closest.ts';

/** Gives queued mail to another pool. In-doubt mail and probes stay: the one may be delivered, the other tests its lane. */
export const mtaReroute: Command = {
  usage: '',
  options: [
    { name: 'to', type: 'string', value: 'POOL', says: 'the pool that takes it' },
    ...FILTER_OPTIONS,
    { name: 'attempted', type: 'boolean', says: 'also what was tried and deferred (it leaves its address)' },
    { name: 'dry-run', type: 'boolean', says: 'say what would move, and change nothing' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart mta reroute --pool marketing --provider yahoo --to reserve --reason 'yahoo blocks the pool'",
  positionals: [0, 0],
  async run(invocation) {
    const order = by(invocation);
    const now = Date.now();
    const filter = queueFilter(invocation, now);
    const pool = text(invocation, 'to');
    if (pool === undefined) throw badInput('say where to: --to POOL');
    if (Object.keys(filter).length === 0) throw badInput('say which mail: --pool, --provider, --campaign, --older, …');
    return withStore(invocation, async (store) => {
      const pools = await poolProviders(store);
      const providers = pools.get(pool);
      if (providers === undefined) {
        const near = closest(pool, [...pools.keys()]);
        const hint = near === undefined ? `known: ${[...pools.keys()].join(', ')}` : `did you mean ${near}?`;
        throw badInput(`no pool is called "${pool}" (${hint})`);
      }
      if (filter.provider !== undefined && !providers.includes(filter.provider) && !providers.includes(UPSTREAM))
        throw badInput(`pool ${pool} has no lane for ${filter.provider} (it has ${providers.join(', ')})`);
      const dry = invocation.options['dry-run'] === true;
      const attempted = invocation.options.attempted === true;
      const matched = await matching(store, filter);
      const moved = dry ? 0 : await tx(store, (db) => rerouteMatching(db, filter, { ...order, pool, attempted }));
      const most = matched.recipients - matched.claimed - (attempted ? 0 : matched.attempted);
      return {
        json: { filter, to: pool, matched, moved, dryRun: dry },
        lines: [
          backlogText(matched, now),
          dry ? `up to ${Math.max(0, most)} would move to pool ${pool}` : `${moved} moved to pool ${pool}`,
        ],
      };
    });
  },
};
