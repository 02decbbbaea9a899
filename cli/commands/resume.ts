import { DEFAULTS } from '../../policy/defaults.ts';
import { canEase, type Hold } from '../../policy/holds.ts';
import { tx } from '../../store/connect.ts';
import { clearHolds, easeHolds, liveHolds } from '../../store/holds.ts';
import { expireMatching, matching } from '../../store/queue-filter.ts';
import { badInput, CONFIG_OPTION, type Command, type Invocation, text } from '../command.ts';
import { parseDuration } from '../config/duration.ts';
import { withStore } from '../instance.ts';
import { backlogText } from '../mail/backlog.ts';
import { filterOf, namedScope, SCOPE_OPTIONS, type Scope } from '../mail/filter.ts';
import { holdText } from '../status/hold-text.ts';
import { isOfRamp } from '../status/lift.ts';
import { ACTOR_OPTION, by, REASON_OPTION } from '../temporal-command.ts';

/** Lifts stops: says what waits behind them, ends what is stale, and lets the rest come back slowly. */
export const resume: Command = {
  usage: '',
  options: [
    { name: 'hold', type: 'string', value: 'ID', says: 'the hold to lift, as `stop` and `status` name it' },
    ...SCOPE_OPTIONS,
    { name: 'stale', type: 'string', value: 'TIME', says: "first end what has waited longer, such as '12h'" },
    { name: 'full-pace', type: 'boolean', says: 'do not begin at a quarter of the pace for half an hour' },
    { name: 'dry-run', type: 'boolean', says: 'say what waits and what would end, and change nothing' },
    REASON_OPTION,
    ACTOR_OPTION,
    CONFIG_OPTION,
  ],
  example: "./rampart resume --hold 12 --stale 12h --reason 'the list was cleaned'",
  positionals: [0, 0],
  async run(invocation) {
    const order = by(invocation);
    const stale = staleAfter(invocation);
    const dry = invocation.options['dry-run'] === true;
    return withStore(invocation, async (store) => {
      const now = Date.now();
      const live = await liveHolds(store);
      const seen = liftable(live, idOf(invocation), await namedScope(store, invocation));
      const filter = filterOf(seen[0] as Scope & Hold);
      const old = stale === undefined ? undefined : { ...filter, before: now - stale };
      const backlog = await matching(store, filter);
      const ended = old === undefined ? 0 : (await matching(store, old)).recipients;
      const ids = seen.map((hold) => hold.id);
      const eased = invocation.options['full-pace'] !== true && seen.some(canEase);
      if (!dry) {
        await tx(store, async (db) => {
          if (old !== undefined) await expireMatching(db, old, order);
          if (eased) await easeHolds(db, ids, now + DEFAULTS.easeMs);
          await clearHolds(db, ids, order);
        });
      }
      const pace = eased
        ? `at ${DEFAULTS.easePace * 100}% of the pace for ${DEFAULTS.easeMs / 60_000} min`
        : 'at the pace of its lanes';
      return {
        json: { lifted: dry ? [] : ids, backlog, ended, eased, dryRun: dry },
        lines: [
          ...seen.map((hold) => `${dry ? 'would lift' : 'lifted'}: ${holdText(hold)}`),
          backlogText(backlog, now),
          ...(ended > 0 ? [`${ended} of them ${dry ? 'would end' : 'end'} as expired: ${order.reason}`] : []),
          ...(backlog.recipients > ended ? [`the rest ${dry ? 'would go' : 'goes'} ${pace}`] : []),
        ],
      };
    });
  },
};

function idOf(invocation: Invocation): number | undefined {
  const given = text(invocation, 'hold');
  if (given === undefined) return undefined;
  if (!/^\d+$/.test(given)) throw badInput(`--hold is "${given}": give the number of a hold`);
  return Number(given);
}

function staleAfter(invocation: Invocation): number | undefined {
  const given = text(invocation, 'stale');
  if (given === undefined) return undefined;
  const ms = parseDuration(given);
  if (ms === undefined) throw badInput(`--stale is "${given}": give a time such as 90min, 12h or 2d`);
  return ms;
}

function liftable(live: readonly Hold[], id: number | undefined, scope: Scope | undefined): Hold[] {
  if ((id === undefined) === (scope === undefined))
    throw badInput('say what to lift: --hold ID, or what was stopped (--provider P, --all, …)');
  const found = live.filter((hold) =>
    id === undefined ? hold.scope === scope?.scope && hold.target === scope.target : hold.id === id,
  );
  const mine = found.filter((hold) => hold.cause === 'operator' && !isOfRamp(hold));
  if (mine.length > 0) return mine;
  const [other] = found;
  if (other !== undefined) {
    const way = isOfRamp(other)
      ? `: ./rampart warmup resume ${other.target.replace(' ', ' --provider ')} --reason '…'`
      : '; it ends when its cause is gone';
    throw badInput(`${holdText(other)} is not lifted here${way}`);
  }
  const stops = live.filter((hold) => hold.cause === 'operator').map((hold) => `  ${holdText(hold)}`);
  const list = stops.length === 0 ? 'nothing is stopped by a person now' : `stopped now:\n${stops.join('\n')}`;
  throw badInput(`${id === undefined ? 'that is not stopped' : `no hold ${id} is in force`}; ${list}`);
}
