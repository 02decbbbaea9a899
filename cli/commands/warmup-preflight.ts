import { summaryText } from '../../policy/preflight/check.ts';
import { badInput, CONFIG_OPTION, type Command, text } from '../command.ts';
import { withStore } from '../instance.ts';
import { keepPreflight, PREFLIGHT_OPTIONS, runPreflight, skipped, thisNode } from '../preflight/run.ts';
import { preflightLines } from '../ranges/render-preflight.ts';
import { knownRange } from '../ranges/targets.ts';
import { ACTOR_OPTION, actor, REASON_OPTION } from '../temporal-command.ts';
import { styleOf } from '../terminal/style.ts';

/** Looks whether addresses could start, and keeps what it found: a start on another node goes by it. Exit code 1 if one could not. */
export const warmupPreflight: Command = {
  usage: '<ip | range>',
  options: [
    { name: 'pool', type: 'string', value: 'NAME', says: 'the pool the addresses must be of' },
    ...PREFLIGHT_OPTIONS,
    ACTOR_OPTION,
    REASON_OPTION,
    CONFIG_OPTION,
  ],
  example: './rampart warmup preflight 198.51.100.8/29 --sample newsletter.eml',
  positionals: [1, 1],
  async run(invocation) {
    skipped(invocation);
    return withStore(invocation, async (store) => {
      const { rows, notes } = await knownRange(store, invocation.positionals[0] ?? '', text(invocation, 'pool'));
      const pools = new Set(rows.map(({ pool }) => pool));
      const [pool] = pools;
      if (pool === undefined || pools.size > 1)
        throw badInput(`these addresses are of several pools (${[...pools].join(', ')}): look at one pool at a time`);
      const found = await runPreflight(invocation, store, pool, rows);
      const ids = await keepPreflight(store, found, await thisNode(invocation), actor(invocation));
      const failed = found.filter(({ checks }) => checks.some(({ verdict }) => verdict === 'fail'));
      const verdict =
        failed.length === 0
          ? `ready to start: ${found.length} of ${found.length}`
          : `not ready: ${failed.length} of ${found.length} (${summaryText(failed[0]?.checks)})`;
      return {
        json: {
          ok: failed.length === 0,
          pool,
          notes,
          addresses: found.map((one) => ({ ...one, preflight: ids.get(one.address) })),
        },
        lines: [
          ...preflightLines(found, styleOf(invocation.stdout, invocation.env)),
          ...notes.map((note) => `note: ${note}`),
          '',
          verdict,
        ],
        ...(failed.length === 0 ? {} : { exit: 1 as const }),
      };
    });
  },
};
